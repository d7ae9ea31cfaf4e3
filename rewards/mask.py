"""Are the masks right that were drawn, turn by turn?

turn 0   frames 0 3 6   IoU .2 .4 .9  ─▶ per_frame ─▶ mean ─┐
turn 1   frames 0 3 6   IoU .5 .5 1.  ─▶ per_frame ─▶ mean ─┴▶ over_turns ─▶ the episode's number
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import groupby
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from framework.line import Points, Values, along
from framework.reward import TurnReward, shared
from framework.truth import known, outlined
from framework.types import AnyMask, Drawn, Episode, Failure, Malformed, Mask, NotApplicable, Truth
from framework.vision import masks, metrics, overlap

Where = Literal["frames", "keyframe"]
Pair = tuple[AnyMask, AnyMask]
"""What was drawn on a frame and what is true there."""

NO_MASK = NotApplicable("the task has no true mask")
NOT_KNOWN = NotApplicable("what is on the frames that were drawn on is not known")
AT_ONCE = 8
"""Frames whose boundaries are compared together: those of a turn show one object at much the same place."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """What was drawn beside what is true there. How alike they are is measured once for all rewards of a batch."""

    each: Sequence[Pair]

    @cached_property
    def iou(self) -> Values:
        """NaN where neither has a pixel."""
        return overlap.iou([drawn for drawn, _ in self.each], [true for _, true in self.each], np.nan)

    @cached_property
    def contour(self) -> Values:
        """The same of their outlines."""
        found: list[Values] = [np.zeros(0)]
        for (width, height), alike in groupby(self.each, lambda pair: (pair[1].width, pair[1].height)):
            several = list(alike)
            for first in range(0, len(several), AT_ONCE):
                some = several[first : first + AT_ONCE]
                drawn = np.stack([masks.decode(masks.resized(mask, width, height)) for mask, _ in some])
                true = np.stack([masks.decode(mask) for _, mask in some])
                empty = ~(drawn | true).any((1, 2))
                found.append(np.where(empty, np.nan, metrics.contour_accuracies(drawn, true)))
        return np.concatenate(found)


@dataclass(frozen=True, slots=True)
class Turns:
    """The same by episode and turn."""

    counts: Sequence[Sequence[int]]
    """How many pairs each turn has."""
    pairs: Pairs


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
    def of_pairs(self, pairs: Pairs) -> Values:
        """A number about each pair of masks; NaN where neither has a pixel."""

    def of_frames(self, pairs: Pairs) -> Values:
        """What each pair of masks counts before `per_frame`."""
        found = self.of_pairs(pairs)
        nothing = float(self.where == "frames") if self.both_empty is None else self.both_empty
        return np.where(np.isnan(found), nothing, found)

    def of_turns(self, episodes: Sequence[Episode]) -> list[list[float | Failure]]:
        turns = shared(TURNS[self.where], episodes)
        numbers = along(self.per_frame, self.of_frames(turns.pairs))
        counts = np.array([count for several in turns.counts for count in several if count], np.int64)
        sums = np.add.reduceat(numbers, np.cumsum(counts) - counts) if len(counts) else np.zeros(0)
        means = iter((sums / counts).tolist())
        return [
            [
                next(means) if count else self._instead(turn.drawn, episode.task.truth)
                for turn, count in zip(episode.turns, several, strict=True)
            ]
            for episode, several in zip(episodes, turns.counts, strict=True)
        ]

    def _instead(self, drawn: Drawn | None, truth: Truth) -> float | Failure:
        """What a turn has that has no pair of masks."""
        if not outlined(truth):
            return NO_MASK
        if drawn_on(drawn, self.where):
            return NOT_KNOWN
        return Malformed("nothing was drawn") if self.undrawn is None else self.undrawn


class MaskIoU(MaskReward):
    """Intersection over union of the mask drawn and the true one (J of DAVIS), frame by frame; in [0, 1]."""

    def of_pairs(self, pairs: Pairs) -> Values:
        return pairs.iou


class ContourAccuracy(MaskReward):
    """How well the outline drawn keeps to the true one (F of DAVIS), frame by frame; in [0, 1].

    A mask of the whole frame has no outline, as an empty one has none: where targets may be absent, mask_iou tells them
    apart.
    """

    def of_pairs(self, pairs: Pairs) -> Values:
        return pairs.contour


class JAndF(MaskReward):
    """The mean of `mask_iou` and `contour_accuracy` (J&F of DAVIS), frame by frame; in [0, 1]."""

    def of_pairs(self, pairs: Pairs) -> Values:
        return (pairs.iou + pairs.contour) / 2


def drawn_on(drawn: Drawn | None, where: Where) -> Mapping[int, AnyMask]:
    """What a turn drew on these frames."""
    if drawn is None:
        return {}
    if where == "frames":
        return drawn.frames
    return {} if drawn.keyframe is None or drawn.on_keyframe is None else {drawn.keyframe: drawn.on_keyframe}


def beside(truth: Truth, drawn: Mapping[int, AnyMask]) -> list[Pair]:
    """Each mask beside the true one; frames of which the truth is not known are left out."""
    return [(drawn[frame], true or _nothing(drawn[frame])) for frame, true in known(truth, drawn).items()]


def _nothing(like: AnyMask) -> Mask:
    return Mask((like.width * like.height,), like.width, like.height)


def _turns(where: Where, episodes: Sequence[Episode]) -> Turns:
    pairs = [
        [
            beside(truth, dict(sorted(drawn_on(turn.drawn, where).items()))) if outlined(truth) else []
            for turn in episode.turns
        ]
        for episode in episodes
        for truth in [episode.task.truth]
    ]
    every = [pair for turns in pairs for turn in turns for pair in turn]
    return Turns([[len(turn) for turn in turns] for turns in pairs], Pairs(every))


TURNS: Mapping[Where, Callable[[Sequence[Episode]], Turns]] = {
    "frames": partial(_turns, "frames"),
    "keyframe": partial(_turns, "keyframe"),
}
"""What episodes drew, on the frames all over the clip and on keyframes; in the order of frames."""
