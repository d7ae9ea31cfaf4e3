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
from framework.types import Answer, Broken, Episode, Failure, Item, Malformed, Mask, NotApplicable, Truth
from framework.vision import masks
from framework.vision.colour import BoxFill
from framework.vision.segmenter import Asked, Found, Prompt, Segmenter
from rewards.mask import ContourAccuracy, JAndF, MaskIoU, Pair
from rewards.pairs import UNKNOWN, Said
from rewards.temporal import absent

MEASURES = {"iou": MaskIoU, "contour": ContourAccuracy, "j_and_f": JAndF}


class SegmentedIoU(Reward):
    """How far the mask of what was answered agrees with the true mask of that frame; in [0, 1].

    A segmenter that fails, or one that is out of reach, is Broken and never a number.
    """

    segmenter: Annotated[SerializeAsAny[Segmenter], chosen("segmenter")] = Field(default_factory=BoxFill)
    """Who makes the masks. "${segmenter}" is the recipe's own."""
    measure: Literal["iou", "contour", "j_and_f"] = "iou"
    """J, F, or their mean (DAVIS)."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        read = [self._read(episode) for episode in episodes]
        asked = [each if isinstance(each, list) else [] for each in read]
        answers = iter(self.segmenter.segment([one for several in asked for one in several]))
        drawn = [_union([next(answers) for _ in several]) if several else None for several in asked]
        pairs = [
            _beside(mask, several[0], episode.task.truth)
            for mask, several, episode in zip(drawn, asked, episodes, strict=True)
            if isinstance(mask, Mask)
        ]
        # F takes a mask without an outline, as that of the whole frame, for none: where nothing is, any pixel is wrong.
        missed = [masks.area(true) == 0 < masks.area(mask) for mask, true in pairs]
        numbers = iter(np.where(missed, 0.0, MEASURES[self.measure]().of_frames(pairs)).tolist())
        return [
            each if not isinstance(each, list) else mask if isinstance(mask, Broken) else next(numbers)
            for each, mask in zip(read, drawn, strict=True)
        ]

    def _read(self, episode: Episode) -> list[Asked] | Failure:
        """What the segmenter is asked about an episode; or what it has instead of a number."""
        task, answer = episode.task, episode.answer
        if not task.truth.masks and (any(task.truth.present) or not task.truth.present):
            return NotApplicable("the task has no true mask")
        if answer is None:
            return Malformed("nothing was answered")
        asked = self._asked(episode, answer)
        if not asked:
            return Malformed(f"the answer has no {' or '.join(sorted(self.segmenter.takes - {'mask', 'embedding'}))}")
        frame = asked[0].frame
        return asked if frame in task.truth.masks or absent(task.truth, frame) else NotApplicable(UNKNOWN)

    def _asked(self, episode: Episode, answer: Answer) -> list[Asked]:
        video, [frame] = episode.task.video, Said([episode], [answer]).frames
        if frame is None:
            return []
        prompts = [_prompt(item) for item in answer.items if _on(item, video.space(frame).picture)]
        return [Asked(video, frame, prompt) for prompt in prompts if prompt.hints & self.segmenter.takes]


def _on(item: Item, picture: str) -> bool:
    """Does all of it lie on this picture?"""
    return all(each.space.picture == picture for each in (item.box, item.point, *item.negatives) if each)


def _prompt(item: Item) -> Prompt:
    on = (item.point,) if item.point else ()
    labels = (True,) * len(on) + (False,) * len(item.negatives)
    return Prompt(box=item.box, points=(*on, *item.negatives), labels=labels)


def _union(found: Sequence[Found | Broken]) -> Mask | Broken:
    """The pixels of all objects; nothing if one of them could not be made."""
    broken = next((each for each in found if isinstance(each, Broken)), None)
    return broken or masks.union([each.mask for each in found if isinstance(each, Found)])


def _beside(drawn: Mask, asked: Asked, truth: Truth) -> Pair:
    """With what is true on that frame, in one size."""
    true = truth.masks.get(asked.frame)
    if true is None:
        return drawn, Mask((drawn.width * drawn.height,), drawn.width, drawn.height)
    return masks.resized(drawn, true.width, true.height), true
