"""Finds the frame to look at before the game begins, by asking a policy about the clip.

whole clip ─ interval? ×K ─▶ mean ─ still long? ask inside it ─▶ … ─▶ key segment ─ position? ×K ─▶ target frame

This is VideoSeg-R1's hierarchical text-guided frame sampler (arXiv 2511.16077, section 3). Its rounds, replies and
thresholds are settings; the paper prints none of them, and these are our own.
"""

import asyncio
import random
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from statistics import fmean, median
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from framework.config import SerializeAsAny, Settings, chosen
from framework.env import Rules, Sight
from framework.player import Player
from framework.program import ask, mean_interval
from framework.reasoners.reasoner import Reasoner
from framework.types import Answer, Episode, Focus, Parsed, Task, Turn
from framework.vision.boxes import Interval
from framework.vision.plan import at

MOST = 1000
"""Each question about a clip has a seed of its own, as long as there are fewer than this."""

TOGETHER = 128
"""Tasks that are asked about at one time."""
PERCENT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%?\s*")


class Sampler(Settings):
    """Finds the frames of a task to look at, by asking a policy."""

    reasoner: Annotated[SerializeAsAny[Reasoner] | None, chosen("reasoner", or_none=True)] = None
    """The model that is asked; by default that of a run's first stage. It does not learn while another one does."""

    @property
    def games(self) -> dict[str, Rules]:
        """Its questions as games, by the names of their settings; a policy must have learned them."""
        return {name: value for name, value in self if isinstance(value, Rules)}

    def seeing(self, sight: Sight) -> Self:
        """The same sampler, with this sight in all its games."""
        return self.model_copy(
            update={name: rules.model_copy(update={"sight": sight}) for name, rules in self.games.items()}
        )

    @property
    def teaching(self) -> Mapping[str, Any]:
        """The settings that its lessons depend on: all of them, unless a sampler overrides it."""
        return self.model_dump(mode="json")

    @abstractmethod
    def lessons(self, task: Task) -> Sequence[tuple[Task, Rules]]:
        """Questions about a task whose truth is known, as tasks and games: a cold start teaches their answers."""

    @abstractmethod
    async def focus(self, task: Task, player: Player, seed: int) -> Focus:
        """Where to look, by what this player says of it."""


async def focused(tasks: Sequence[Task], sampler: Sampler, player: Player, seed: int) -> list[Task]:
    """Every task with the frames that this player finds; at most TOGETHER are asked about at a time."""
    gate = asyncio.Semaphore(TOGETHER)

    async def one(task: Task) -> Task:
        async with gate:
            return replace(task, focus=await sampler.focus(task, player, seed))

    return list(await asyncio.gather(*map(one, tasks)))


class Hierarchical(Sampler):
    """A segment that is narrowed until it is short, then the target's place in it."""

    interval: Annotated[SerializeAsAny[Rules], chosen("env")]
    """The game that asks for the stretch."""
    position: Annotated[SerializeAsAny[Rules], chosen("env")]
    """The game that asks how far through it."""
    replies: int = Field(default=4, ge=1)
    """How often each question is asked (K)."""
    best: int = Field(default=4, ge=1)
    """So many positions, those nearest to the median, are averaged (M)."""
    share: float = Field(default=0.3, gt=0, le=1)
    """A segment is short that is no longer than this share of the clip (δ)."""
    rounds: int = Field(default=3, ge=0)
    """The stretch is asked for at most this often; 0 leaves the whole clip."""
    target: Literal["position", "random", "first"] = "position"
    """Ask for the frame; or take one of the segment by lot, or its first."""

    @property
    def teaching(self) -> Mapping[str, Any]:
        return {name: rules.model_dump(mode="json") for name, rules in self.games.items()}

    def lessons(self, task: Task) -> list[tuple[Task, Rules]]:
        """Two questions: for the interval, about the whole clip or a part that holds the target; and for the position,
        about a segment little longer than the target is seen."""
        seen = [frame for frame, boxes in task.truth.boxes.items() if boxes]
        if not seen:
            return []
        lots = random.Random(task.id)
        last = task.video.length - 1
        long = Interval(lots.randint(0, min(seen)), lots.randint(max(seen), last))
        whole = Interval(0, last) if lots.random() < 0.5 else long
        near = Interval(max(min(seen) - lots.randint(0, 2), 0), min(max(seen) + lots.randint(0, 2), last))
        return [(_about(task, whole), self.interval), (_about(task, near), self.position)]

    async def focus(self, task: Task, player: Player, seed: int) -> Focus:
        if task.video.length == 1:  # an image
            return Focus(segment=Interval(0, 0), target=0)
        inquiry = Inquiry(task, player, seed, self.replies)
        segment = await self._narrowed(inquiry)
        target = await self._target(inquiry, segment)
        return Focus(segment=segment, target=target, trace=tuple(inquiry.trace))

    async def _narrowed(self, inquiry: "Inquiry") -> Interval:
        """Ask for the interval again and again, each time inside the last one. It ends when the segment is short, when
        `rounds` are over, or when the replies cannot be read or narrow nothing."""
        video = inquiry.task.video
        segment = Interval(0, video.length - 1)
        for _ in range(self.rounds):
            found = mean_interval(await inquiry.ask(self.interval, segment))
            inside = _clamped(found.in_frames(video.fps), segment) if found else segment
            if inside.length >= segment.length:
                break
            segment = inside
            if segment.length <= self.share * video.length:
                break
        return segment

    async def _target(self, inquiry: "Inquiry", segment: Interval) -> int:
        frames = segment.frames
        if self.target == "random":
            return random.Random(inquiry.task.id).choice(frames)
        if self.target == "first":
            return frames[0]
        said = [percentage(episode.answer) for episode in await inquiry.ask(self.position, segment)]
        found = [each for each in said if each is not None]
        if not found:
            return frames[len(frames) // 2]
        middle = median(found)
        return at(segment, fmean(sorted(found, key=lambda each: abs(each - middle))[: self.best]))


class Inquiry:
    """Asks about one task, and keeps what was said."""

    def __init__(self, task: Task, player: Player, seed: int, times: int) -> None:
        self.task, self.player, self.times = task, player, times
        self.seeds = count(seed * MOST)
        self.trace: list[Turn] = []

    async def ask(self, rules: Rules, segment: Interval) -> list[Episode]:
        """The replies to one question about a segment."""
        task = _about(self.task, segment)
        episodes = await ask(task, rules, lambda: self.player(task, rules, next(self.seeds)), self.times)
        self.trace += [turn for episode in episodes for turn in episode.turns]
        return episodes


def _about(task: Task, segment: Interval) -> Task:
    return replace(task, focus=Focus(segment=segment))


def _clamped(said: Interval, segment: Interval) -> Interval:
    start = min(max(said.start, segment.start), segment.end)
    return Interval(start, min(max(said.end, start), segment.end))


def percentage(said: Parsed | None) -> float | None:
    """How far through a segment an answer points, if it says that and nothing else."""
    read = PERCENT.fullmatch(said.text) if isinstance(said, Answer) else None
    return min(float(read[1]), 100.0) if read else None  # so many digits may be said that they are infinite


SAMPLERS: dict[str, type[Sampler]] = {
    "hierarchical": Hierarchical,
}
