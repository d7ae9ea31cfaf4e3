"""Was it worth looking again?

turns      .3   .5   .4   .8
           └── earlier ──┘   last      less best: .8 - .5      less mean: .8 - .4
"""

from collections.abc import Sequence
from statistics import fmean
from typing import Annotated, Literal

from pydantic import SerializeAsAny

from framework.reward import FAILURES, Reward, TurnReward, part
from framework.types import Broken, Episode, Failure, Malformed
from rewards.mask import MaskIoU, MaskReward


class Progress(Reward):
    """The last turn's number less the best of the earlier ones, or their mean; in [-1, 1] for numbers in [0, 1].

    0 if there is nothing to compare: fewer than two turns, or no earlier one with a number. VideoSEG-O3 counts it as

        progress: {use: progress, of: {use: mask_iou, where: keyframe, undrawn: 0},
                   shape: [[-0.05, -1], [-0.05, 0], [0.05, 0], [0.05, 0.5], [0.1, 0.5], [0.25, 2]]}

    as its authors must have meant it; `videoseg_o3` is what they ran, where 0.5 is the most.
    """

    of: Annotated[SerializeAsAny[TurnReward], part(TurnReward)] = MaskIoU()
    """What each turn is measured by: a reward that has a number for each turn."""
    less: Literal["best", "mean"] = "best"
    """What is taken off the last turn's number."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        return [self._gained(turns) for turns in self.of.of_turns(episodes)]

    def _gained(self, turns: Sequence[float | Failure]) -> float | Failure:
        if broken := next((each for each in turns if isinstance(each, Broken)), None):
            return broken
        if not turns:
            return Malformed("nothing was said")
        *earlier, last = turns
        if isinstance(last, FAILURES):
            return last
        numbers = [each for each in earlier if not isinstance(each, FAILURES)]
        if not numbers:
            return 0.0
        return last - (max(numbers) if self.less == "best" else fmean(numbers))


class KeyframeMargin(TurnReward):
    """A turn's number on its keyframe less that on its other frames; in [-1, 1] for numbers in [0, 1].

    0 at the first turn, which was shown no frame that it asked for. VideoSEG-O3 counts it as

        margin: {use: keyframe_margin, of: {use: mask_iou, undrawn: 0},
                 shape: [[-0.05, -1], [-0.05, 0], [0.1, 0], [0.1, 0.5], [0.2, 0.5], [0.5, 2]]}

    as its authors must have meant it.
    """

    of: Annotated[SerializeAsAny[MaskReward], part(MaskReward)] = MaskIoU()
    """What masks are measured by; its `where` makes no difference."""

    def of_turns(self, episodes: Sequence[Episode]) -> list[list[float | Failure]]:
        keyframe, frames = (
            self.of.model_copy(update={"where": where}).of_turns(episodes) for where in ("keyframe", "frames")
        )
        return [
            [_margin(*each) if place else 0.0 for place, each in enumerate(zip(*turns, strict=True))]
            for turns in zip(keyframe, frames, strict=True)
        ]


def _margin(keyframe: float | Failure, frames: float | Failure) -> float | Failure:
    if isinstance(keyframe, FAILURES):
        return keyframe
    return frames if isinstance(frames, FAILURES) else keyframe - frames
