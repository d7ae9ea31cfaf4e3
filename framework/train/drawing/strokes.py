"""The [SEG] tokens that a batch's policy said, the turns they belong to, and the frames each draws on.

    ids    … Find the red circle … <select> … 9 … <|im_end|> … <answer> … 9 9 … <|im_end|>        9 is [SEG]
    said   0 0    0   0   0      0  1       1 1 1  1          0  1        1 1 1 1  1
    turn                            0       0 0 0  0             1        1 1 1 1  1          runs of `said`
    token                                   a                               b c

A token that was shown and not said draws nothing, nor does one of an episode that must not be learned from: there
`said` is all 0. Which row of a batch an episode is makes no difference to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from framework import drawing
from framework.drawing import Canvas, Sitting
from framework.errors import TrainError
from framework.reasoners.pen import Spot
from framework.types import AnyMask, Video


@dataclass(frozen=True, slots=True)
class Stroke:
    """One token."""

    row: int
    column: int
    turn: int
    video: Video
    canvas: Canvas


@dataclass(frozen=True, slots=True)
class Place:
    """One token on one frame."""

    of: int
    """Which stroke."""
    spot: Spot
    large: bool
    """Is it the keyframe?"""
    truth: AnyMask | None


@dataclass(frozen=True)
class Strokes:
    """All of a batch, row by row."""

    sittings: tuple[Sitting | None, ...]
    """Per row."""
    each: tuple[Stroke, ...]
    offsets: torch.Tensor
    """Where each row begins, when they are laid end to end."""

    @classmethod
    def of(cls, data: Any, token: int) -> "Strokes":
        ids, offsets, said = data["input_ids"].values(), data["input_ids"].offsets(), _said(data)
        before = said.roll(1)
        before[offsets[:-1]] = False
        begins = (said & ~before).long()
        begun = begins.cumsum(0)
        at = ((ids == token) & said).nonzero()[:, 0]
        rows = torch.searchsorted(offsets, at, right=True) - 1
        first = offsets[rows]
        turns = begun[at] - begun[first] + begins[first] - 1
        sittings, found = _sittings(data), list[Stroke]()
        for row, column, turn in zip(*(each.tolist() for each in (rows, at - first, turns)), strict=True):
            there = sittings[row]
            if there is None or turn >= len(there.turns):
                raise TrainError(f"row {row} says {token} in turn {turn}, of which nobody knows what it draws on")
            found.append(Stroke(row, column, turn, there.video, there.turns[turn]))
        return cls(tuple(sittings), tuple(found), offsets)

    def __len__(self) -> int:
        return len(self.each)

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Each token on each of its frames, its keyframe last."""
        return tuple(
            Place(number, (stroke.video, frame), large, stroke.canvas.truth.get(frame))
            for number, stroke in enumerate(self.each)
            for frame, large in (*((frame, False) for frame in stroke.canvas.frames), (stroke.canvas.keyframe, True))
        )

    @cached_property
    def large(self) -> torch.Tensor:
        """The place of each token's keyframe."""
        return self._index([number for number, place in enumerate(self.places) if place.large])

    @cached_property
    def counts(self) -> torch.Tensor:
        """How many tokens one can learn from: by their frames, and by their keyframe."""
        known = [place for place in self.places if place.truth is not None]
        by = [len({place.of for place in known if place.large == large}) for large in (False, True)]
        return self._index(by)

    def end_to_end(self) -> torch.Tensor:
        """Where each token stands when the rows are laid end to end."""
        return self.offsets[self._index([stroke.row for stroke in self.each])] + self._columns

    def padded(self, length: int) -> torch.Tensor:
        """Where it stands when every row has this length."""
        return self._index([stroke.row for stroke in self.each]) * length + self._columns

    @property
    def _columns(self) -> torch.Tensor:
        return self._index([stroke.column for stroke in self.each])

    def _index(self, numbers: Sequence[int]) -> torch.Tensor:
        return torch.tensor(numbers, dtype=torch.long, device=self.offsets.device)


def _said(data: Any) -> torch.Tensor:
    """For all tokens, end to end: did the policy say it? A reply's mask speaks of the end of its row."""
    ids = data["input_ids"]
    mask = data["response_mask"] if "response_mask" in data else data["loss_mask"]
    said = torch.zeros_like(ids.values(), dtype=torch.bool)
    lengths, ends = mask.offsets().diff(), ids.offsets()[1:]
    within = torch.arange(len(mask.values()), device=said.device) - torch.repeat_interleave(
        mask.offsets()[:-1], lengths
    )
    said[torch.repeat_interleave(ends - lengths, lengths) + within] = mask.values().bool()
    return said


def _sittings(data: Any) -> list[Sitting | None]:
    """As lessons bring them along; or as players have left them beside an episode, which may be none at all."""
    if (brought := data.get("sitting", None)) is not None:
        return [getattr(each, "data", each) for each in brought]
    told = [getattr(each, "data", each) for each in data["extra_fields"]]
    return [drawing.read(extra["sitting"]) if extra.get("sitting") else None for extra in told]
