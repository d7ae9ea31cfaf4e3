"""Are the masks right that were drawn, turn by turn?

turn 0   frames 0 3 6   IoU .2 .4 .9  ─▶ per_frame ─▶ mean ─┐
turn 1   frames 0 3 6   IoU .5 .5 1.  ─▶ per_frame ─▶ mean ─┴▶ over_turns ─▶ the episode's number
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from framework.line import Points, Values, along
from framework.reward import TurnReward
from framework.types import AnyMask, Drawn, Episode, Failure, Malformed, Mask, NotApplicable, Truth, Turn
from framework.vision import masks, metrics, overlap
from rewards.temporal import absent

Pair = tuple[AnyMask, AnyMask]
"""What was drawn on a frame and what is true there, in one size."""

AT_ONCE = 8
"""Frames whose boundaries are compared together: those of a turn show one object at much the same place."""


class MaskReward(TurnReward):
    """A number in [0, 1] about each frame that a turn drew on, and the mean over these frames.

    A mask is compared at the true one's size. A frame of which the truth is not known is left out.
    """

    where: Literal["frames", "keyframe"] = "frames"
    """The frames that are spread over the clip, or the one that the turn was shown large."""
    per_frame: Points = ()
    """Points (a frame's number, what it counts) for each frame, before the mean. VideoSEG-O3 counts an IoU as
    [[0.2, -1], [0.2, 0], [0.4, 0], [0.9, 1.5]]."""
    both_empty: Annotated[float, Field(ge=0, le=1)] | None = None
    """The number of a frame without target on which nothing is drawn. None: 1; but 0 on a keyframe, since otherwise it
    would pay to look where the target is not."""
    undrawn: float | None = None
    """What a turn counts that draws nothing. None: it is malformed, which is more than a poor mask if those count
    less than 0."""

    @abstractmethod
    def of_frames(self, pairs: Sequence[Pair]) -> Values:
        """A number about each pair of masks."""

    def of_turns(self, episodes: Sequence[Episode]) -> list[list[float | Failure]]:
        pairs: list[Pair] = []
        read = [[self._read(turn, episode.task.truth, pairs) for turn in episode.turns] for episode in episodes]
        counts = np.array([each for turns in read for each in turns if isinstance(each, int)], np.int64)
        numbers = along(self.per_frame, self.of_frames(pairs))
        sums = np.add.reduceat(numbers, np.cumsum(counts) - counts) if pairs else np.zeros(0)
        means = iter((sums / counts).tolist())
        return [[next(means) if isinstance(each, int) else each for each in turns] for turns in read]

    def _read(self, turn: Turn, truth: Truth, pairs: list[Pair]) -> int | float | Failure:
        """How many pairs of masks a turn has, which come to the others; or what it has instead."""
        if not truth.masks and (any(truth.present) or not truth.present):
            return NotApplicable("the task has no true mask")
        drawn = self._drawn(turn.drawn)
        if not drawn:
            return Malformed("nothing was drawn") if self.undrawn is None else self.undrawn
        before = len(pairs)
        for frame, mask in drawn.items():
            true = truth.masks.get(frame)
            if true is not None:
                pairs.append((masks.resized(mask, true.width, true.height), true))
            elif absent(truth, frame):
                pairs.append((mask, Mask((mask.width * mask.height,), mask.width, mask.height)))
        return len(pairs) - before or NotApplicable("what is on the frames that were drawn on is not known")

    @property
    def nothing(self) -> float:
        """What a frame counts on which there is nothing and nothing is drawn."""
        return float(self.where == "frames") if self.both_empty is None else self.both_empty

    def _drawn(self, drawn: Drawn | None) -> Mapping[int, AnyMask]:
        if drawn is None:
            return {}
        if self.where == "frames":
            return drawn.frames
        return {} if drawn.keyframe is None or drawn.on_keyframe is None else {drawn.keyframe: drawn.on_keyframe}


class MaskIoU(MaskReward):
    """Intersection over union of the mask drawn and the true one (J of DAVIS), frame by frame; in [0, 1]."""

    def of_frames(self, pairs: Sequence[Pair]) -> Values:
        return _overlap(pairs, self.nothing)


class ContourAccuracy(MaskReward):
    """How well the outline drawn keeps to the true one (F of DAVIS), frame by frame; in [0, 1].

    A mask of the whole frame has no outline, as an empty one has none: where targets may be absent, mask_iou tells them
    apart.
    """

    def of_frames(self, pairs: Sequence[Pair]) -> Values:
        return _contour(pairs, self.nothing)


class JAndF(MaskReward):
    """The mean of `mask_iou` and `contour_accuracy` (J&F of DAVIS), frame by frame; in [0, 1]."""

    def of_frames(self, pairs: Sequence[Pair]) -> Values:
        return (_overlap(pairs, self.nothing) + _contour(pairs, self.nothing)) / 2


def _overlap(pairs: Sequence[Pair], nothing: float) -> Values:
    return overlap.iou(*_sides(pairs), nothing)


def _contour(pairs: Sequence[Pair], nothing: float) -> Values:
    found: list[Values] = [np.zeros(0)]
    for _, alike in groupby(pairs, lambda pair: (pair[1].width, pair[1].height)):
        several = list(alike)
        for first in range(0, len(several), AT_ONCE):
            sides = _sides(several[first : first + AT_ONCE])
            drawn, true = (np.stack([masks.decode(mask) for mask in side]) for side in sides)
            found.append(metrics.contour_accuracies(drawn, true))
    empty = [masks.area(drawn) == 0 == masks.area(true) for drawn, true in pairs]
    return np.where(np.array(empty, np.bool_), nothing, np.concatenate(found))


def _sides(pairs: Sequence[Pair]) -> tuple[list[AnyMask], list[AnyMask]]:
    return [drawn for drawn, _ in pairs], [true for _, true in pairs]
