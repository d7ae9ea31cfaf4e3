"""From masks on one frame to masks on all: several objects, both directions.

    frames      0   1   2   3   4   5
    start               A
    propagate   A ◀─ A ◀─┴─▶ A ─▶ ∅ ─▶ A        ∅: it is not seen there

A propagator is settings, as a segmenter is.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence

from framework.config import Settings
from framework.errors import DataError
from framework.types import AnyMask, Video

Masks = tuple[AnyMask, ...]
"""One of each object, in the order in which they were given."""


class Propagator(Settings):
    """Base of the propagators; `framework/vision/models.py` lists them."""

    @abstractmethod
    def tracked(self, video: Video, frame: int, masks: Masks, frames: Sequence[int]) -> Mapping[int, Masks]:
        """The masks on these frames, of which `frame` is none."""

    def propagate(
        self, video: Video, frame: int, masks: Sequence[AnyMask], frames: Iterable[int] | None = None
    ) -> dict[int, Masks]:
        """The masks on these frames, all of the clip if not said; on `frame` they stay what they are."""
        asked = sorted(set(range(video.length) if frames is None else frames))
        where, start = f"{video.source} (frame {frame})", tuple(masks)
        if outside := [each for each in (frame, *asked) if not 0 <= each < video.length]:
            raise DataError(f"{where}: there is no frame {outside[0]}; there are 0–{video.length - 1}")
        for mask in start:
            if (mask.width, mask.height) != (video.width, video.height):
                sizes = f"{mask.width}×{mask.height}, the frame {video.width}×{video.height}"
                raise DataError(f"{where}: the mask is {sizes}; resize it (framework.vision.masks)")
        others = [each for each in asked if each != frame]
        if not start or not others:
            return dict.fromkeys(asked, start)
        found = {frame: start, **self.tracked(video, frame, start, others)}
        return {each: found[each] for each in asked}


def outward(frame: int, frames: Sequence[int]) -> tuple[range, range]:
    """Every frame from a start to the last of these, and to the first.

    >>> outward(3, [1, 5])
    (range(4, 6), range(2, 0, -1))
    """
    last, first = max([frame, *frames]), min([frame, *frames])
    return range(frame + 1, last + 1), range(frame - 1, first - 1, -1)
