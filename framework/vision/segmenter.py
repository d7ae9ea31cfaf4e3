"""From a hint to a mask: a box, points, another mask or an embedding on one frame, and the pixels that are meant.

    Asked(video, frame, Prompt(box=…))    ─┐
    Asked(video, frame, Prompt(points=…)) ─┼─▶ segment ─▶ Found(mask, score), one each, in order
    …                                     ─┘

A segmenter is settings, like all that a recipe names. What is behind it is loaded when it is first asked, once in a
process, and looks at each frame once, however often that is asked about.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from framework.config import Settings
from framework.errors import DataError, PixelError
from framework.types import AnyMask, Broken, Mask, Video
from framework.vision.boxes import Box, Corners, Point
from framework.vision.footage import Pixels

Hint = Literal["box", "points", "mask", "embedding"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What is known of one object on one frame."""

    box: Box | None = None
    points: tuple[Point, ...] = ()
    labels: tuple[bool, ...] = ()
    """Per point: does it lie on the object, or beside it? None: all of them do."""
    mask: AnyMask | None = None
    """A first idea of it, as large as the frame."""
    embedding: tuple[float, ...] = ()
    """What a reasoner's [SEG] token became, as long as the segmenter's tokens are."""

    @property
    def hints(self) -> set[Hint]:
        """What it says."""
        said: dict[Hint, object] = {
            "box": self.box,
            "points": self.points,
            "mask": self.mask,
            "embedding": self.embedding,
        }
        return {hint for hint, each in said.items() if each}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which object is meant?"""

    video: Video
    frame: int
    prompt: Prompt

    @property
    def where(self) -> str:
        return f"{self.video.source} (frame {self.frame})"

    @property
    def corners(self) -> Corners | None:
        """The box in original pixels."""
        return self.prompt.box and self.prompt.box.to(self.video.space(self.frame)).corners

    @property
    def points(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The points in original pixels, [points, 2], and which of them lie on the object."""
        placed = [point.to(self.video.space(self.frame)) for point in self.prompt.points]
        on = self.prompt.labels or (True,) * len(placed)
        return np.array([(point.x, point.y) for point in placed], float).reshape(-1, 2), np.array(on, np.bool_)


@dataclass(frozen=True, slots=True)
class Found:
    """The pixels that are meant, at the frame's size."""

    mask: AnyMask
    score: float
    """How good the segmenter itself takes it to be; in [0, 1]."""


class Segmenter(Settings):
    """Base of the segmenters; `framework/vision/models.py` lists them."""

    takes: ClassVar[frozenset[Hint]] = frozenset({"box", "points", "mask"})
    """The hints it can make something of."""

    @property
    def accepts(self) -> frozenset[Hint]:
        """The same, for one that asks another."""
        return self.takes

    @abstractmethod
    def found(self, asked: Sequence[Asked]) -> Sequence[Found | Broken]:
        """An answer to each. A frame that cannot be read is Broken, and spoils no other."""

    def segment(self, asked: Sequence[Asked]) -> Sequence[Found | Broken]:
        """The same, for prompts that it can make something of, and answers of which something can be made."""
        for each in asked:
            self.check(each)
        return sound(asked, self.found(asked))

    def check(self, asked: Asked) -> None:
        """Refuse a prompt of which nothing can be made."""
        prompt, video = asked.prompt, asked.video
        if not prompt.hints & self.accepts:
            said, taken = " and ".join(sorted(prompt.hints)) or "nothing", " or ".join(sorted(self.accepts))
            raise DataError(f"{asked.where}: the prompt says {said}, {type(self).__name__} takes {taken}; give that")
        if prompt.labels and len(prompt.labels) != len(prompt.points):
            said = f"{len(prompt.points)} points have {len(prompt.labels)} labels"
            raise DataError(f"{asked.where}: {said}; give each its own, or none")
        if prompt.mask and (prompt.mask.width, prompt.mask.height) != (video.width, video.height):
            sizes = f"{prompt.mask.width}×{prompt.mask.height}, the frame {video.width}×{video.height}"
            raise DataError(f"{asked.where}: the mask is {sizes}; resize it (framework.vision.masks)")


def seen(video: Video, frame: int) -> Pixels | Broken:
    """A frame's pixels, or why there are none."""
    from framework.vision import frames

    try:
        return frames.frame(video, frame)
    except PixelError as error:
        return Broken(str(error))


def sound(asked: Sequence[Asked], found: Sequence[Found | Broken]) -> list[Found | Broken]:
    """The answers; one that is no mask of the frame that was asked about is Broken, whoever gave it."""
    if len(found) != len(asked):
        return [Broken(f"the segmenter gave {len(found)} answers to {len(asked)} prompts")] * len(asked)
    return [_sound(each.video, answer) for each, answer in zip(asked, found, strict=True)]


def _sound(video: Video, found: Found | Broken) -> Found | Broken:
    if isinstance(found, Broken):
        return found
    mask = found.mask
    if (mask.width, mask.height) != (video.width, video.height):
        size = f"{mask.width}×{mask.height} for a frame of {video.width}×{video.height}"
        return Broken(f"the segmenter gave a mask of {size}")
    if isinstance(mask, Mask) and sum(mask.runs) != mask.width * mask.height:
        return Broken(f"the segmenter gave runs of {sum(mask.runs)} pixels for {mask.width * mask.height}")
    return found if math.isfinite(found.score) else Broken(f"the segmenter gave a score of {found.score}")


def by_frame(asked: Sequence[Asked]) -> dict[tuple[Video, int], list[int]]:
    """Which of these are about one and the same frame."""
    places: dict[tuple[Video, int], list[int]] = {}
    for place, each in enumerate(asked):
        places.setdefault((each.video, each.frame), []).append(place)
    return places
