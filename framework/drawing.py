"""A policy that also draws: a token of its replies, [SEG], stands for a mask. What it draws on, turn by turn.

    turn   said                                   was shown large    draws on 5 frames all over the clip, and on
    0      <select> … keyframe 7 … [SEG]          –                  the middle one, T // 2
    1      <select> … keyframe 3 … [SEG]          7                  7
    2      <answer> … keyframe 4 … [SEG]          3                  3, or 4 if the answer's keyframe counts

So a keyframe is drawn on in the turn after the one that selected it, as VideoSEG-O3 does. What is true of these frames
is what a mask loss learns from; of a frame about which nothing is known, nothing is learned.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field

from framework import codec
from framework.calibration import Calibration
from framework.config import SerializeAsAny, Settings, chosen
from framework.data.conversations import Conversation, Counted, Draws, conversation, keyframes
from framework.env import Rules
from framework.errors import DataError
from framework.reasoners.decoder import Decoder
from framework.truth import known
from framework.types import AnyMask, Episode, Mask, Picture, Task, Video
from framework.vision.plan import spread


class Drawing(Settings):
    """The section `drawing:` of a recipe whose policy draws."""

    decoder: Annotated[SerializeAsAny[Decoder], chosen("decoder")]
    """What makes a mask of a frame and an embedding."""
    token: str = "[SEG]"
    """What stands for a mask; the reasoner must have it as one token."""
    frames: int = Field(default=5, ge=1)
    """Frames all over the clip on which every turn draws, besides its keyframe."""
    loss: float = Field(default=0.2, ge=0)
    """Share of (BCE + Dice) of what is drawn in the loss of reinforcement."""
    imitation_loss: float = Field(default=1.0, ge=0)
    """The same in the stage before."""
    calibration: Calibration = Calibration()
    """Does the token's log-probability speak of its mask?"""
    lr_factor: float = Field(default=1.0, gt=0)
    """The learning rate of the pen, times the policy's."""
    freeze: tuple[Literal["projection", "decoder"], ...] = ()
    """What of the pen stays as it is."""
    keyframe: Counted = "reference"
    """What an answer draws on, and from where that is followed: the frame shown large last, as published, or the one it
    names."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """What one turn draws on, and what should come of it."""

    frames: tuple[int, ...]
    keyframe: int
    truth: Mapping[int, AnyMask]
    """Frame → its pixels, of those frames that one knows of; a target that is not there has none."""


@dataclass(frozen=True, slots=True)
class Sitting:
    """What an episode draws on, turn by turn."""

    video: Video
    turns: tuple[Canvas, ...]


def write(sitting: Sitting) -> str:
    """As it travels beside an episode."""
    return json.dumps(codec.write(sitting))


@lru_cache(maxsize=1024)
def read(written: str) -> Sitting:
    """What was written so. A step asks several times, and episodes of a group may have the same."""
    return codec.read(Sitting, json.loads(written))


def sitting(episode: Episode, drawing: Drawing) -> Sitting:
    """Of an episode that was played."""
    task, everywhere = episode.task, tuple(spread(episode.task.video.length, drawing.frames))
    turns = [
        Canvas(everywhere, keyframe, truths(task, {*everywhere, keyframe}))
        for keyframe in keyframes(episode, drawing.keyframe)
    ]
    return Sitting(task.video, tuple(turns))


def lesson(episode: Episode, rules: Rules, drawing: Drawing | None) -> Conversation:
    """The same episode to be imitated: it draws on what it would draw on in reinforcement."""
    system, token = rules.system, rules.grammar.draws
    if drawing is None:
        return conversation(episode, system, token)
    return conversation(episode, system, token, drawing.frames, drawing.keyframe)


def told(conversation: Conversation) -> Sitting:
    """Of a conversation to imitate, which brings along what its replies should draw."""
    turns, video = list[Canvas](), None
    for asked, said in conversation.exchanges:
        video = next((part.video for part in asked.content if isinstance(part, Picture)), video)
        if video is None:
            raise DataError(f"conversation {conversation.id}: shows nothing, so nothing can be drawn on; leave it out")
        turns.append(_canvas(said.draws, video) if said.draws else Canvas((), video.length // 2, {}))
    assert video is not None
    return Sitting(video, tuple(turns))


def _canvas(draws: Draws, video: Video) -> Canvas:
    nothing = Mask((video.width * video.height,), video.width, video.height)
    truth: dict[int, AnyMask] = {frame: mask or nothing for frame, mask in draws.frames.items()}
    if draws.keyframe is None:
        return Canvas(tuple(draws.frames), video.length // 2, truth)
    return Canvas(tuple(draws.frames), draws.keyframe, {**truth, draws.keyframe: draws.on_keyframe or nothing})


def truths(task: Task, frames: set[int]) -> dict[int, AnyMask]:
    """What is true of these frames, where that is known."""
    nothing = Mask((task.video.width * task.video.height,), task.video.width, task.video.height)
    return {frame: mask or nothing for frame, mask in known(task.truth, sorted(frames)).items()}
