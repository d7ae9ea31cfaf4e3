"""A model that plays: what it was shown and what it said stand in its ledger exactly, and nothing is cut in half."""

import asyncio
from dataclasses import dataclass

import numpy as np
import pytest

from envs.keyframes import Keyframes
from framework.blocks import content_hash
from framework.env import Sight
from framework.errors import UserError
from framework.lab.world import World
from framework.reasoners.chatml import ChatML
from framework.reasoners.conformance import log_probs
from framework.reasoners.generator import Generator
from framework.reasoners.lab import Lab
from framework.reasoners.player import ModelPolicy, thought_tokens
from framework.reasoners.sampling import Batcher, Pixels, Request, Sampled
from framework.rollout import play
from framework.training import Sampling
from framework.types import Episode, Picture, Stop, Task
from framework.vision.plan import Look

SMALL = Look(frames=6, max_pixels=256, min_pixels=64)
RULES = Keyframes(
    overview=SMALL,
    interval=Look(frames=3, max_pixels=1024, min_pixels=64),
    keyframe=Look(frames=1, max_pixels=1024, min_pixels=64),
    on_malformed="ask_again",
    sight=Sight(unit=8, coordinates=32),
)
LIMITS = Sampling(reply_tokens=16, prompt_tokens=400, episode_tokens=800)


def painted(picture: Picture) -> Pixels:
    """Pixels of the right size that no two pictures share."""
    width, height = picture.size
    seed = [picture.frame, width, height, *picture.video.source.encode()]
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator.load(Lab())


@pytest.fixture(scope="module")
def voice(generator: Generator) -> ChatML:
    assert isinstance(generator.voice, ChatML)
    return generator.voice


@pytest.fixture
def task() -> Task:
    return World(level="glance").task(0)


@dataclass
class Expert:
    """Answers in tokens what an expert would say, as a model server would; keeps what it was asked."""

    voice: ChatML
    lines: tuple[str, ...]
    stop: bool = True

    def __post_init__(self) -> None:
        self.asked: list[Request] = []

    async def __call__(self, request: Request, /) -> Sampled:
        said = self.voice.write(self.lines[min(len(self.asked), len(self.lines) - 1)])
        ids = (*said, self.voice.stop_tokens[0]) if self.stop else tuple(said)
        self.asked.append(request)
        kept = ids[: request.max_tokens]
        return Sampled(kept, (-0.5,) * len(kept), finished=self.stop and kept == ids)


LOOK = '<select>{"start": 1, "end": 2, "keyframe": 1}</select>'
ANSWER = '<answer>{"start": 1, "end": 2, "keyframe": 1, "bbox_2d": [1, 2, 30, 31]}</answer>'


def played(task: Task, policy: ModelPolicy) -> Episode:
    return asyncio.run(play(task, RULES, policy))


def test_the_ledger_holds_what_was_read_and_said(voice: ChatML, task: Task):
    expert = Expert(voice, (LOOK, ANSWER))
    policy = ModelPolicy(voice, expert, LIMITS.model_copy(update={"reply_tokens": 20}), "Look.", see=painted)
    episode = played(task, policy)
    assert episode.stop is Stop.ANSWERED
    assert [turn.said.text for turn in episode.turns] == [LOOK, ANSWER]
    tokens = policy.ledger.close()
    spans = [voice.read(tokens.ids[span.start : span.start + span.count].tolist()) for span in tokens.spans]
    assert spans[0].startswith("<|im_start|>system\nLook.<|im_end|>\n<|im_start|>user\nFind the")
    assert spans[1::2] == [LOOK, ANSWER]
    assert tokens.prompt == tokens.spans[0].count == len(expert.asked[0].ids)


def test_every_picture_that_was_shown_is_trained_on_and_no_other(voice: ChatML, task: Task):
    expert = Expert(voice, (LOOK, ANSWER))
    policy = ModelPolicy(voice, expert, LIMITS.model_copy(update={"reply_tokens": 20}), see=painted)
    episode = played(task, policy)
    shown = [content_hash(painted(picture)) for turn in episode.turns for picture in turn.seen.pictures]
    assert policy.ledger.close().hashes == tuple(shown)
    assert [content_hash(pixels) for pixels in policy.images] == shown
    assert len(expert.asked[-1].images) == len(shown)


def test_each_request_begins_with_the_one_before_and_its_answer(voice: ChatML, task: Task):
    expert = Expert(voice, (LOOK, LOOK, ANSWER))
    policy = ModelPolicy(voice, expert, LIMITS.model_copy(update={"reply_tokens": 20}), see=painted)
    played(task, policy)
    first, second, third = (list(request.ids) for request in expert.asked)
    said = [*voice.write(LOOK), voice.stop_tokens[0]]
    assert second[: len(first) + len(said)] == first + said
    assert third[: len(second) + len(said)] == second + said


def test_a_reply_that_runs_into_its_limit_is_cut_off(voice: ChatML, task: Task):
    policy = ModelPolicy(voice, Expert(voice, (ANSWER,)), LIMITS.model_copy(update={"reply_tokens": 5}), see=painted)
    assert played(task, policy).stop is Stop.LENGTH
    assert policy.ledger.spans[-1].count == 5


def test_an_observation_that_does_not_fit_ends_the_episode_whole(voice: ChatML, task: Task):
    policy = ModelPolicy(voice, Expert(voice, (LOOK,)), LIMITS.model_copy(update={"episode_tokens": 30}), see=painted)
    episode = played(task, policy)
    assert episode.stop is Stop.LENGTH
    assert len(episode.turns) == 2
    tokens = policy.ledger.close()
    assert len(tokens.spans) == 2
    assert len(tokens.blocks) == len(episode.turns[0].seen.pictures) == len(policy.images)


def test_a_first_observation_that_does_not_fit_names_its_key(voice: ChatML, task: Task):
    policy = ModelPolicy(voice, Expert(voice, (LOOK,)), LIMITS.model_copy(update={"prompt_tokens": 30}), see=painted)
    with pytest.raises(UserError, match=r"rollout\.prompt_tokens: 30 are too few .* \(6 pictures take 24\)"):
        played(task, policy)


def test_a_seeded_player_plays_the_same_episode_again_whatever_else_is_played(generator: Generator):
    async def story(seeds: list[int]) -> list[list[int]]:
        batcher = Batcher(generator.generate)
        policies = [ModelPolicy(generator.voice, batcher, LIMITS, seed=seed, see=painted) for seed in seeds]
        tasks = [World().task(seed) for seed in seeds]
        await asyncio.gather(*(play(task, RULES, policy) for task, policy in zip(tasks, policies, strict=True)))
        await batcher.close()
        return [policy.ledger.ids for policy in policies]

    alone, together = asyncio.run(story([3])), asyncio.run(story([1, 2, 3, 4]))
    assert alone[0] == together[2]


def test_a_reply_knows_its_tokens_and_those_it_thought(voice: ChatML, task: Task):
    lines = (f"<think> red circle at left</think>{LOOK}", ANSWER)
    policy = ModelPolicy(voice, Expert(voice, lines), LIMITS.model_copy(update={"reply_tokens": 60}), see=painted)
    first, second = (turn.said for turn in played(task, policy).turns)
    assert (first.tokens, second.tokens) == tuple(span.count for span in policy.ledger.spans[1::2])
    assert first.thought == len(voice.write(" red circle at left"))
    assert second.thought == 0


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("begins", ["", "<think>", "<think>two, "])
def test_tokens_of_a_thought_are_those_that_lie_within_it(voice: ChatML, begins: str, cut: bool):
    """Against a walk over all tokens, where bytes of one letter are tokens of their own."""
    for said in ("<think>näher 🎯, frame 2 <</think><answer>2</answer>", "a 🎯</think>b", "🎯", "<think>🎯 still"):
        ids = [*voice.write(said), *([] if cut else [voice.stop_tokens[0]])]
        text = begins + voice.read(ids)
        starts = ("<think>" in text and text.index("<think>") + 7) or 0
        ends = text.index("</think>") if "</think>" in text else len(text)
        count, there = 0, len(begins)
        for place in range(len(voice.write(said))):
            after = len(begins) + len(voice.read(ids[: place + 1]))
            count += starts <= there and after <= ends and "think>" in text
            there = after
        assert thought_tokens(voice, ids, text) == count


class Thoughtful:
    """Asks the model, and then says something useful instead, so that an untrained model still plays many turns."""

    def __init__(self, generator: Generator, lines: tuple[str, ...]) -> None:
        self.generator, self.lines, self.turn = generator, lines, -1

    async def __call__(self, request: Request, /) -> Sampled:
        voice = self.generator.voice
        self.turn += 1
        said = [*voice.write(self.lines[self.turn]), voice.stop_tokens[0]]
        whole = [*request.ids, *said]
        return Sampled(tuple(said), tuple(log_probs(self.generator, whole, request.images)[-len(said) :]), True)


def test_log_probs_of_each_turn_are_those_of_one_forward_over_the_whole_ledger(generator: Generator):
    """What the trainer does once at the end agrees with what the sampler said turn by turn."""
    for number in range(4):
        policy = ModelPolicy(generator.voice, Thoughtful(generator, (LOOK, LOOK, ANSWER)), LIMITS, see=painted)
        episode = asyncio.run(play(World().task(number), RULES, policy))
        assert len(episode.turns) == 3
        tokens = policy.ledger.close()
        said = tokens.mask.astype(bool)
        again = np.array([0.0, *log_probs(generator, tokens.ids.tolist(), policy.images)])
        assert np.abs(again[said] - tokens.log_probs[said]).max() <= 1e-5


def test_painting_happens_off_the_event_loop(voice: ChatML, task: Task):
    import threading

    where: list[int] = []

    def slow(picture: Picture) -> Pixels:
        where.append(threading.get_ident())
        return painted(picture)

    played(task, ModelPolicy(voice, Expert(voice, (ANSWER,)), LIMITS, see=slow))
    assert where
    assert threading.get_ident() not in where
