"""Conversations to imitate: who says what, with references to what is shown. One line of a file each.

    Conversation("glance/train/17", (
        Message("user", ("Find the red circle.␤", Picture(…), …)),
        Message("assistant", ('<select>{"keyframe": 3}</select>',)),                    what is learned
        Message("user", ("Frame 3 (3.0 s): ", Picture(…), "␤")),
        Message("assistant", ('<answer>{"keyframe": 3, "bbox_2d": [4, 9, 20, 25]}</answer>',)),
    ))

An episode is one of them, so whoever plays well can be imitated: an expert, a person, an earlier policy. Pictures
are references, never pixels. Where a policy draws, each reply that says the token carries what it should draw:

    Message("assistant", ('<select>…, <RefSeg>[SEG]</RefSeg></select>',),
            draws=Draws(frames={0: None, 3: Mask(…), 7: Mask(…)}, keyframe=4, on_keyframe=Mask(…)))
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from framework import codec
from framework.errors import DataError, UserError
from framework.files import whole
from framework.truth import known
from framework.types import Answer, Episode, Mask, Picture, Task
from framework.vision import masks
from framework.vision.plan import spread

Speaker = Literal["system", "user", "assistant"]
Counted = Literal["reference", "answer"]
"""Which keyframe an answer draws on: the frame shown large last, at first the clip's middle, or the one it names."""
DRAWN_ON = 5
"""Frames of the clip on which a reply draws, besides its keyframe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """The masks that the tokens of a reply should become. None on a frame: it is known that nothing is there.

    A frame of which the truth is not known is not among them.
    """

    frames: Mapping[int, Mask | None] = field(default_factory=dict[int, Mask | None])
    """Frame → what is true there, on frames that are spread over the clip."""
    keyframe: int | None = None
    """None where the truth of it is not known."""
    on_keyframe: Mask | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What one side says at a time: text and pictures in the order in which they are read."""

    role: Speaker
    content: tuple[str | Picture, ...]
    draws: Draws | None = None
    """Of an assistant's reply that draws."""

    @property
    def text(self) -> str:
        return "".join(part for part in self.content if isinstance(part, str))


@dataclass(frozen=True, slots=True)
class Conversation:
    """A system message or none, then user and assistant by turns; the assistant's messages are what is learned."""

    id: str
    messages: tuple[Message, ...]

    @property
    def system(self) -> str:
        first = self.messages[0]
        return first.text if first.role == "system" else ""

    @property
    def exchanges(self) -> Iterator[tuple[Message, Message]]:
        """What is shown and what is said to it, turn by turn."""
        talk = self.messages[1:] if self.messages[0].role == "system" else self.messages
        return zip(talk[::2], talk[1::2], strict=True)


def conversation(
    episode: Episode, system: str = "", token: str = "", frames: int = DRAWN_ON, keyframe: Counted = "reference"
) -> Conversation:
    """An episode as one who was there would tell it. A reply that says `token` draws on so many frames of the clip."""
    messages = [Message("system", (system,))] if system else []
    for turn, draws in zip(episode.turns, rightly(episode, frames, keyframe), strict=True):
        drawn = draws if token and token in turn.said.text else None
        messages += [Message("user", turn.seen.content), Message("assistant", (turn.said.text,), drawn)]
    return checked(Conversation(episode.task.id, tuple(messages)))


def rightly(episode: Episode, frames: int, counted: Counted) -> Iterator[Draws]:
    """What each turn should draw, by its task's truth."""
    everywhere = _true(episode.task, spread(episode.task.video.length, frames))
    for keyframe in keyframes(episode, counted):
        there = _true(episode.task, [keyframe])
        yield Draws(frames=everywhere, keyframe=keyframe if there else None, on_keyframe=there.get(keyframe))


def keyframes(episode: Episode, counted: Counted) -> Iterator[int]:
    """The keyframe that each turn draws on."""
    large = episode.task.video.length // 2
    for turn in episode.turns:
        large = large if turn.seen.keyframe is None else turn.seen.keyframe
        named = turn.said.parsed.keyframe if isinstance(turn.said.parsed, Answer) else None
        yield large if named is None or counted == "reference" else named


def _true(task: Task, frames: Iterable[int]) -> dict[int, Mask | None]:
    return {frame: mask and masks.as_runs(mask) for frame, mask in known(task.truth, frames).items()}


def write(path: Path, conversations: Iterable[Conversation]) -> None:
    """The whole file anew."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part, part.open("w") as file:
            for each in conversations:
                file.write(json.dumps(codec.write(each), separators=(",", ":")) + "\n")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; make room or rights there") from None


def read(path: Path) -> list[Conversation]:
    """Every conversation of a file, each found sound; DataError names the line that is not."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; name a file that `conversations.write` wrote") from None
    if not lines:
        raise DataError(f"{path}: holds no conversation")
    return [_line(path, number, line) for number, line in enumerate(lines, 1)]


def _line(path: Path, number: int, line: bytes) -> Conversation:
    try:
        return checked(codec.read(Conversation, json.loads(line)))
    except (ValueError, DataError) as error:
        raise DataError(f"{path}, line {number}: {error}; mend the line or leave it out") from None


def checked(conversation: Conversation) -> Conversation:
    """The same, if it is one that can be learned from."""
    if fault := next(_faults(conversation), ""):
        raise DataError(f"conversation {conversation.id}: {fault}")
    return conversation


def _faults(conversation: Conversation) -> Iterator[str]:
    roles = [message.role for message in conversation.messages]
    talk = roles[1:] if roles[:1] == ["system"] else roles
    if not talk or talk != cast("list[Speaker]", ["user", "assistant"]) * (len(talk) // 2):
        yield f"user and assistant must speak by turns and the assistant last, not {', '.join(roles) or 'nobody'}"
    for number, message in enumerate(conversation.messages):
        if not message.content:
            yield f"message {number} ({message.role}) is empty"
        if message.role != "user" and any(isinstance(part, Picture) for part in message.content):
            yield f"message {number} ({message.role}) holds a picture; only what is shown may"
        if message.role == "assistant" and not message.text:
            yield f"message {number} (assistant) says nothing"
        if message.role != "assistant" and message.draws:
            yield f"message {number} ({message.role}) draws; only what is said may"
