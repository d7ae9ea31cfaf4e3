"""Is the mask right that a segmenter makes of the answered boxes and points?

answer on frame 3: box, point, points beside ─▶ segmenter ─▶ mask ─┐
                   box, point                ─▶ segmenter ─▶ mask ─┴▶ union ─▶ against the true mask of frame 3
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from framework.config import SerializeAsAny, chosen
from framework.reward import Reward
from framework.tracing import asked
from framework.truth import known, nowhere, outlined
from framework.types import Broken, Episode, Failure, Malformed, Mask, NotApplicable
from framework.vision import masks
from framework.vision.colour import BoxFill
from framework.vision.segmenter import Asked, Found, Segmenter
from rewards.mask import NO_MASK, ContourAccuracy, JAndF, MaskIoU, Pairs, beside
from rewards.said import UNKNOWN

MEASURES = {"iou": MaskIoU, "contour": ContourAccuracy, "j_and_f": JAndF}


class SegmentedIoU(Reward):
    """How far the mask of what was answered agrees with the true mask of that frame; in [0, 1].

    To say nothing where the target is nowhere in the clip earns 1. A mask without pixels counts 0 even where the target
    is not, or it would pay to answer on such a frame with a box without area. A segmenter that fails, or one that is
    out of reach, is Broken and never a number.
    """

    segmenter: Annotated[SerializeAsAny[Segmenter], chosen("segmenter")] = Field(default_factory=BoxFill)
    """Who makes the masks. "${segmenter}" is the recipe's own."""
    measure: Literal["iou", "contour", "j_and_f"] = "iou"
    """J, F, or their mean (DAVIS)."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        read = [self._read(episode) for episode in episodes]
        prompts = [each if isinstance(each, list) else [] for each in read]
        answers = iter(self.segmenter.segment([one for several in prompts for one in several]))
        drawn = [_union([next(answers) for _ in several]) if several else None for several in prompts]
        pairs = [
            beside(episode.task.truth, {several[0].frame: mask})[0]
            for mask, several, episode in zip(drawn, prompts, episodes, strict=True)
            if isinstance(mask, Mask)
        ]
        measure = MEASURES[self.measure](where="keyframe")
        # F takes a mask without an outline, as that of the whole frame, for none: where nothing is, any pixel is wrong.
        missed = [masks.area(true) == 0 < masks.area(mask) for mask, true in pairs]
        numbers = iter(np.where(missed, 0.0, measure.of_frames(Pairs(pairs))).tolist())
        return [
            each if not isinstance(each, list) else mask if isinstance(mask, Broken) else next(numbers)
            for each, mask in zip(read, drawn, strict=True)
        ]

    def _read(self, episode: Episode) -> list[Asked] | float | Failure:
        """What the segmenter is asked about an episode; or what it has instead of a number."""
        task, answer = episode.task, episode.answer
        if not outlined(task.truth):
            return NO_MASK
        if answer is None:
            return Malformed("nothing was answered")
        if not answer.items and not answer.text:
            return float(nowhere(task.truth))
        prompts = asked(episode, self.segmenter)
        if not prompts:
            return Malformed(f"the answer has no {' or '.join(sorted(self.segmenter.accepts - {'mask', 'embedding'}))}")
        return prompts if known(task.truth, [prompts[0].frame]) else NotApplicable(UNKNOWN)


def _union(found: Sequence[Found | Broken]) -> Mask | Broken:
    """The pixels of all objects; nothing if one of them could not be made."""
    broken = next((each for each in found if isinstance(each, Broken)), None)
    return broken or masks.union([each.mask for each in found if isinstance(each, Found)])
