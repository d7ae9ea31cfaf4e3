import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from envs.keyframes import Keyframes
from envs.zoom import Zooming
from framework.chat.grammar import Grammar
from framework.config import typed
from framework.data.conversations import Conversation, Draws, Message, conversation, read, write
from framework.drawing import Drawing, lesson, sitting, told, truths
from framework.errors import DataError
from framework.lab.players import PLAYERS
from framework.lab.world import World
from framework.policy import Scripted
from framework.rollout import play
from framework.truth import known
from framework.types import Mask, Picture, Role, Select, Task, Truth, Video
from framework.vision.plan import spread

PICTURE = Picture(Video("clip", 4, 64, 64), 2, (32, 32), Role.KEYFRAME)
TALK = Conversation(
    "one",
    (
        Message("system", ("Be brief.",)),
        Message("user", ("Find it.\n", PICTURE, "\n")),
        Message("assistant", ('<answer>{"keyframe": 2}</answer>',)),
    ),
)
SELECTS_AND_NAMES = (
    '<select><VTG>{"start": 0, "end": 3, "keyframe": 1}</VTG>, <RefSeg>[SEG]</RefSeg></select>',
    '<answer><VTG>{"start": 0, "end": 5, "keyframe": 4}</VTG>, <RefSeg>[SEG]</RefSeg></answer>',
)


def test_conversations_come_back_from_disk_as_they_were(tmp_path: Path):
    other = Conversation("two", TALK.messages[1:])
    write(tmp_path / "talk.jsonl", [TALK, other])
    assert read(tmp_path / "talk.jsonl") == [TALK, other]
    assert len((tmp_path / "talk.jsonl").read_text().splitlines()) == 2


def test_an_episode_is_a_conversation_with_its_pictures_in_place():
    rules, task = Keyframes(max_turns=2), World(count=1).task(0)
    episode = asyncio.run(play(task, rules, rules.expert(task)))
    talk = conversation(episode, "Look first.")
    assert talk.system == "Look first."
    assert [(asked.content, said.text) for asked, said in talk.exchanges] == [
        (turn.seen.content, turn.said.text) for turn in episode.turns
    ]


def test_each_reply_that_draws_carries_the_truth_of_what_it_draws_on(tmp_path: Path):
    rules, task = Keyframes(grammar=Grammar(vtg=True, draws="[SEG]")), World(level="traffic", count=8).task(5)
    episode = asyncio.run(play(task, rules, PLAYERS["expert"](task, rules, 0)))
    talk = conversation(episode, token="[SEG]")
    first, last = (said.draws for _, said in talk.exchanges)
    assert first is not None
    assert last is not None
    look = episode.turns[0].said.parsed
    assert isinstance(look, Select)
    assert (first.keyframe, last.keyframe) == (task.video.length // 2, look.keyframe)
    assert list(first.frames) == list(last.frames) == spread(task.video.length, 5)
    for draws in (first, last):
        there = {frame for frame, mask in draws.frames.items() if mask is not None}
        assert there == {frame for frame in draws.frames if task.truth.present[frame]}
        assert draws.on_keyframe == task.truth.masks.get(draws.keyframe or 0)
    write(tmp_path / "talk.jsonl", [talk])
    assert read(tmp_path / "talk.jsonl") == [talk]


@pytest.mark.parametrize("keyframe", ["reference", "answer"])
def test_what_is_imitated_draws_on_what_reinforcement_draws_on(keyframe: str):
    inner = Keyframes(grammar=Grammar(vtg=True, draws="[SEG]"))
    rules, task = Zooming(inner=inner, max_turns=4), World(level="traffic", count=8).task(5)
    drawing = typed(Drawing, {"decoder": "conv", "frames": 5, "keyframe": keyframe})
    for played, game in ((rules.expert(task), rules), (Scripted(*SELECTS_AND_NAMES), inner)):
        episode = asyncio.run(play(task, game, played))
        imitated, reinforced = told(lesson(episode, game, drawing)), sitting(episode, drawing)
        assert [(each.frames, each.keyframe) for each in imitated.turns] == [
            (each.frames, each.keyframe) for each in reinforced.turns
        ]
        truths = [dict(sorted(each.truth.items())) for each in imitated.turns]
        assert truths == [each.truth for each in reinforced.turns]
    assert imitated.turns[-1].keyframe == {"reference": 1, "answer": 4}[keyframe]


def test_only_what_was_looked_at_is_known_to_be_empty():
    """Every eighth frame of 17 is annotated; that it is not there between these is a guess."""
    mask, nothing = Mask((1, 2, 1), 2, 2), Mask((4,), 2, 2)
    truth = Truth(present=(False,) * 4 + (True,) * 13, masks={0: nothing, 8: mask, 16: mask})
    assert known(truth, range(17)) == {0: None, 8: mask, 16: mask}
    exact = Truth(present=(False,) * 4 + (True,), masks={4: mask})
    assert known(exact, range(-1, 6)) == {**dict.fromkeys(range(4)), 4: mask}
    nowhere = Truth(present=(False,) * 3, masks={0: nothing, 2: nothing})
    assert known(nowhere, range(4)) == dict.fromkeys(range(3))
    task = Task(id="a", question="", video=Video("clip", 17, 2, 2), truth=truth)
    assert truths(task, {0, 1, 8, 9}) == {0: nothing, 8: mask}


def test_a_reply_without_the_token_draws_nothing():
    rules, task = Keyframes(), World(count=1).task(0)
    episode = asyncio.run(play(task, rules, rules.expert(task)))
    assert [said.draws for _, said in conversation(episode, token="[SEG]").exchanges] == [None, None]


def test_of_a_frame_whose_truth_is_not_known_nothing_is_drawn():
    rules, task = Keyframes(grammar=Grammar(draws="[SEG]")), World(count=1).task(0)
    known = {frame: mask for frame, mask in task.truth.masks.items() if frame == max(task.truth.masks)}
    task = replace(task, truth=replace(task.truth, present=(), masks=known))
    episode = asyncio.run(play(task, rules, rules.expert(task)))
    draws = [said.draws for _, said in conversation(episode, token="[SEG]", frames=task.video.length).exchanges]
    assert [each and each.frames for each in draws] == [known, known]
    assert [each and each.keyframe for each in draws if each and each.keyframe not in (None, *known)] == []


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ((), "nobody"),
        (TALK.messages[:2], "assistant last, not system, user"),
        ((*TALK.messages, TALK.messages[2]), "by turns"),
        ((*TALK.messages[:2], Message("assistant", (PICTURE,))), "message 2 .assistant. holds a picture"),
        ((*TALK.messages[:2], Message("assistant", ("",))), "says nothing"),
        ((Message("user", ()), TALK.messages[2]), "message 0 .user. is empty"),
        ((Message("user", ("Find it.",), Draws()), TALK.messages[2]), "message 0 .user. draws"),
    ],
)
def test_what_nobody_could_learn_from_is_refused_with_its_line(tmp_path: Path, messages: tuple[Message, ...], why: str):
    write(tmp_path / "talk.jsonl", [TALK, Conversation("odd", messages)])
    with pytest.raises(DataError, match=rf"talk\.jsonl, line 2: conversation odd: .*{why}"):
        read(tmp_path / "talk.jsonl")


def test_a_line_that_is_no_conversation_is_named(tmp_path: Path):
    (tmp_path / "talk.jsonl").write_text('{"id": 3}\n')
    with pytest.raises(DataError, match=r"line 1: .*is no Conversation"):
        read(tmp_path / "talk.jsonl")
    said = {"id": "a", "messages": [{"role": "user", "content": [5]}, {"role": "assistant", "content": ["5"]}]}
    (tmp_path / "talk.jsonl").write_text(json.dumps(said | {"shared": []}))
    with pytest.raises(DataError, match=r"line 1: is no Conversation \(TypeError: 5 stands where it should not\)"):
        read(tmp_path / "talk.jsonl")
    (tmp_path / "talk.jsonl").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(DataError, match=r"line 1: .*; mend the line or leave it out"):
        read(tmp_path / "talk.jsonl")
