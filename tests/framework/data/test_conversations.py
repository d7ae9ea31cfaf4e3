import asyncio
from pathlib import Path

import pytest

from envs.keyframes import Keyframes
from framework.data.conversations import Conversation, Message, conversation, read, write
from framework.errors import DataError
from framework.lab.world import World
from framework.rollout import play
from framework.types import Picture, Role, Video

PICTURE = Picture(Video("clip", 4, 64, 64), 2, (32, 32), Role.KEYFRAME)
TALK = Conversation(
    "one",
    (
        Message("system", ("Be brief.",)),
        Message("user", ("Find it.\n", PICTURE, "\n")),
        Message("assistant", ('<answer>{"keyframe": 2}</answer>',)),
    ),
)


def test_conversations_come_back_from_disk_as_they_were(tmp_path: Path):
    other = Conversation("two", TALK.messages[1:])
    write(tmp_path / "talk.jsonl", [TALK, other])
    assert read(tmp_path / "talk.jsonl") == [TALK, other]
    assert len((tmp_path / "talk.jsonl").read_text().splitlines()) == 2


def test_an_episode_is_a_conversation_with_its_pictures_in_place():
    rules, task = Keyframes(max_turns=2), World(count=1).task(0)
    episode = asyncio.run(play(task, rules, rules.expert(task)))
    told = conversation(episode, "Look first.")
    assert told.system == "Look first."
    assert [(asked.content, said.text) for asked, said in told.exchanges] == [
        (turn.seen.content, turn.said.text) for turn in episode.turns
    ]


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ((), "nobody"),
        (TALK.messages[:2], "assistant last, not system, user"),
        ((*TALK.messages, TALK.messages[2]), "by turns"),
        ((*TALK.messages[:2], Message("assistant", (PICTURE,))), "message 2 .assistant. holds a picture"),
        ((*TALK.messages[:2], Message("assistant", ("",))), "says nothing"),
        ((Message("user", ()), TALK.messages[2]), "message 0 .user. is empty"),
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
