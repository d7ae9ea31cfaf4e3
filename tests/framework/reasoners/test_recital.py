import asyncio

import pytest

from envs.keyframes import Keyframes
from framework.data.conversations import Conversation, Message, conversation
from framework.errors import DataError
from framework.lab.players import PLAYERS
from framework.lab.world import World
from framework.reasoners.lab import Lab
from framework.reasoners.player import ModelPolicy
from framework.reasoners.recital import recite
from framework.reasoners.sampling import Request, Sampled
from framework.rollout import play
from framework.training import Sampling
from framework.types import Picture

LAB = Lab()
RULES = Keyframes(max_turns=3, sight=LAB.sight, system="Look first.")
LIMITS = Sampling(reply_tokens=64, prompt_tokens=2048, episode_tokens=2048)
TASK = World(count=1).task(0)
EPISODE = asyncio.run(play(TASK, RULES, PLAYERS["expert"](TASK, RULES, 0)))


def test_a_recited_conversation_has_the_tokens_of_the_game_when_played():
    voice = LAB.voice()
    lines = iter(turn.said.text for turn in EPISODE.turns)

    async def says_the_same(request: Request) -> Sampled:
        ids = (*voice.write(next(lines)), voice.stop_tokens[0])
        return Sampled(ids, (0.0,) * len(ids), finished=True)

    policy = ModelPolicy(voice, says_the_same, LIMITS, RULES.system)
    played = asyncio.run(play(TASK, RULES, policy))
    tokens, pictures = recite(conversation(EPISODE, RULES.system), voice, LIMITS)
    assert [turn.said.text for turn in played.turns] == [turn.said.text for turn in EPISODE.turns]
    policy.ledger.close().check(ids=tokens.ids, mask=tokens.mask)
    assert pictures == tuple(picture for turn in EPISODE.turns for picture in turn.seen.pictures)


def test_a_reply_longer_than_the_policy_may_speak_is_refused():
    with pytest.raises(DataError, match=r"glance/train/0: a reply of \d+ tokens, where rollout\.reply_tokens=5"):
        recite(conversation(EPISODE), LAB.voice(), LIMITS.model_copy(update={"reply_tokens": 5}))


def test_a_conversation_that_does_not_fit_names_the_setting():
    with pytest.raises(DataError, match=r"rollout\.prompt_tokens"):
        recite(conversation(EPISODE), LAB.voice(), LIMITS.model_copy(update={"prompt_tokens": 9}))


def test_pictures_stand_in_the_order_of_their_places_when_each_has_its_own_number_of_tokens():
    video, unit = TASK.video, LAB.unit
    sizes = [(wide * unit, high * unit) for wide, high in ((1, 2), (3, 1), (2, 2), (5, 1), (1, 1), (2, 3))]
    pictures = [Picture(video, frame, size) for frame, size in enumerate(sizes)]
    content = [part for picture in pictures for part in (f"Frame {picture.frame}: ", picture, "\n")]
    talk = Conversation(
        "one",
        (
            Message("user", tuple(content[:12])),
            Message("assistant", ("<select>{}</select>",)),
            Message("user", tuple(content[12:])),
            Message("assistant", ("<answer></answer>",)),
        ),
    )
    tokens, seen = recite(talk, LAB.voice(), LIMITS)
    assert seen == tuple(pictures)
    assert [(block.image.grid.columns // 2, block.image.grid.rows // 2) for block in tokens.blocks] == [
        (wide // unit, high // unit) for wide, high in sizes
    ]
    assert [block.count for block in tokens.blocks] == [2, 3, 4, 5, 1, 6]
