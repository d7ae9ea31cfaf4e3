"""Are the masks right that were drawn, turn by turn?

turn 0   frames 0 3 6   IoU .2 .4 .9  ─▶ per_frame ─▶ mean ─┐
turn 1   frames 0 3 6   IoU .5 .5 1.  ─▶ per_frame ─▶ mean ─┴▶ over_turns ─▶ the episode's number
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from itertools import chain, groupby
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from framework.line import Points, Values, along
from framework.reward import TurnReward
from framework.truth import known, outlined
from framework.types import AnyMask, Drawn, Episode, Failure, Malformed, Mask, NotApplicable, Truth, Turn
from framework.vision import masks, metrics, overlap

Where = Literal["frames", "keyframe"]
Pair = tuple[AnyMask, AnyMask]
"""What was drawn on a frame and what is true there, in one size."""

NO_MASK = NotApplicable("the task has no true mask")
NOT_KNOWN = NotApplicable("what is on the frames that were drawn on is not known")
AT_ONCE = 8
"""Frames whose boundaries are compared together: those of a turn show one object at much the same place."""


class MaskReward(TurnReward):
    """A number in [0, 1] about each frame that a turn drew on, and the mean over these frames.

    A mask is compared at the true one's size. A frame of which the truth is not known is left out.
    """

    where: Where = "frames"
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
        read = [[self._read(turn, episode.task.truth) for turn in episode.turns] for episode in episodes]
        measured = [each for turns in read for each in turns if isinstance(each, list)]
        numbers = along(self.per_frame, self.of_frames(list(chain.from_iterable(measured))))
        counts = np.array([len(pairs) for pairs in measured], np.int64)
        sums = np.add.reduceat(numbers, np.cumsum(counts) - counts) if measured else np.zeros(0)
        means = iter((sums / counts).tolist())
        return [[next(means) if isinstance(each, list) else each for each in turns] for turns in read]

    def _read(self, turn: Turn, truth: Truth) -> list[Pair] | float | Failure:
        """What a turn drew, one or more frames of it, beside what is true there; or what it has instead."""
        if not outlined(truth):
            return NO_MASK
        drawn = drawn_on(turn.drawn, self.where)
        if not drawn:
            return Malformed("nothing was drawn") if self.undrawn is None else self.undrawn
        return beside(truth, drawn) or NOT_KNOWN

    @property
    def nothing(self) -> float:
        """What a frame counts on which there is nothing and nothing is drawn."""
        return float(self.where == "frames") if self.both_empty is None else self.both_empty


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


def drawn_on(drawn: Drawn | None, where: Where) -> Mapping[int, AnyMask]:
    """What a turn drew on these frames."""
    if drawn is None:
        return {}
    if where == "frames":
        return drawn.frames
    return {} if drawn.keyframe is None or drawn.on_keyframe is None else {drawn.keyframe: drawn.on_keyframe}


def beside(truth: Truth, drawn: Mapping[int, AnyMask]) -> list[Pair]:
    """Each mask beside the true one, in one size; frames of which the truth is not known are left out."""
    return [_in_one_size(drawn[frame], true) for frame, true in known(truth, drawn).items()]


def _in_one_size(drawn: AnyMask, true: AnyMask | None) -> Pair:
    if true is None:
        return drawn, Mask((drawn.width * drawn.height,), drawn.width, drawn.height)
    return masks.resized(drawn, true.width, true.height), true


def _overlap(pairs: Sequence[Pair], nothing: float) -> Values:
    return overlap.iou(*sides(pairs), nothing)


def _contour(pairs: Sequence[Pair], nothing: float) -> Values:
    found: list[Values] = [np.zeros(0)]
    for _, alike in groupby(pairs, lambda pair: (pair[1].width, pair[1].height)):
        several = list(alike)
        for first in range(0, len(several), AT_ONCE):
            some = sides(several[first : first + AT_ONCE])
            drawn, true = (np.stack([masks.decode(mask) for mask in side]) for side in some)
            found.append(metrics.contour_accuracies(drawn, true))
    empty = [masks.area(drawn) == 0 == masks.area(true) for drawn, true in pairs]
    return np.where(np.array(empty, np.bool_), nothing, np.concatenate(found))


def sides(pairs: Sequence[Pair]) -> tuple[list[AnyMask], list[AnyMask]]:
    return [drawn for drawn, _ in pairs], [true for _, true in pairs]
