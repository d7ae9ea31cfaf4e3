"""What verl's client is asked for an episode, and what is made of its answer."""

import asyncio
from typing import Any

import numpy as np
from verl.workers.rollout.llm_server import FullyAsyncLLMServerClient
from verl.workers.rollout.replica import TokenOutput

from framework.reasoners.lab import Lab
from framework.reasoners.sampling import Request
from framework.train.client import Balanced

VOICE = Lab(family="glm4_1v").voice()


class Client:
    """Hears what it is asked, and says one token, begun with the weights of step 3 and ended with those of step 4."""

    said = VOICE.stop_tokens[1]

    async def generate(self, request_id: str, **asked: Any) -> TokenOutput:
        self.asked = asked
        steps = {"global_steps": 4, "min_global_steps": 3, "max_global_steps": 4}
        return TokenOutput(token_ids=[self.said], log_probs=[-0.5], extra_fields=steps)


class Interrupted(Client, FullyAsyncLLMServerClient):
    """Where updates come in the midst of replies, which then go on as requests of their own."""

    def __init__(self) -> None:
        pass


def test_vllm_unfolds_each_picture_of_any_family_from_one_token_and_stops_where_the_family_does():
    client, grid = Client(), VOICE.grid((32, 16))
    picture = np.zeros((16, 32, 3), np.uint8)
    ids = [*VOICE.write("red"), *[VOICE.image_token] * grid.tokens, *VOICE.write("blue")]
    said = asyncio.run(Balanced(client, VOICE)(1, Request(ids=ids, images=[picture], max_tokens=8)))
    assert grid.tokens > 1
    assert client.asked["prompt_ids"] == [*VOICE.write("red"), VOICE.image_token, *VOICE.write("blue")]
    assert client.asked["sampling_params"]["stop_token_ids"] == list(VOICE.stop_tokens)
    assert said.finished


def test_vllm_samples_no_token_that_a_reply_must_not_hold():
    client = Client()
    asyncio.run(Balanced(client, VOICE)(1, Request(ids=VOICE.write("red"), max_tokens=8)))
    never = client.asked["sampling_params"]["logit_bias"]
    assert set(never) == set(VOICE.banned_tokens)
    assert max(never.values()) <= -100


def test_a_reply_that_an_update_interrupted_is_the_older_weights():
    said = asyncio.run(Balanced(Client(), VOICE)(1, Request(ids=VOICE.write("red"), max_tokens=8)))
    assert said.step == 3


def test_a_reply_that_the_models_own_folder_ends_is_not_cut_off_and_one_at_its_limit_is():
    client = Client()
    client.said = VOICE.write("red")[0]
    ends = [asyncio.run(Balanced(client, VOICE)(1, Request(ids=[1], max_tokens=most))).finished for most in (8, 1)]
    assert ends == [True, False]


def test_a_reply_that_may_be_interrupted_has_no_seed_that_would_draw_its_beginning_again():
    for client, seed in ((Client(), 7), (Interrupted(), None)):
        asyncio.run(Balanced(client, VOICE)(1, Request(ids=VOICE.write("red"), max_tokens=8, seed=7)))
        assert client.asked["sampling_params"]["seed"] == seed
