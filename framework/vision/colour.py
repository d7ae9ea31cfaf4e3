"""Segmenters and a propagator for the synthetic world, where a thing has one colour: a test double, not for real video.

box ─▶ the colour that is within it and hardly outside ─▶ pixels of that colour ─▶ the pieces that belong to the box
mask ─▶ its colour ─▶ on the next frame, the pieces of that colour near where it last was ─▶ …
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from framework.types import AnyMask, Broken, Packed, Video
from framework.vision import masks
from framework.vision.boxes import Corners
from framework.vision.footage import Pixels
from framework.vision.frames import frame as frame_of
from framework.vision.masks import Dense
from framework.vision.propagator import Masks, Propagator, outward
from framework.vision.segmenter import Asked, Found, Hint, Segmenter, by_frame, seen

Colour = NDArray[np.int16]
CANDIDATES, GRAINS = 7, 24
"""A box is asked for its colour at so many places a side, and these are held against so many pixels a side."""


class BoxFill(Segmenter):
    """The box itself, filled; what a box alone is worth. It looks at no pixel."""

    takes: ClassVar[frozenset[Hint]] = frozenset({"box"})

    def found(self, asked: Sequence[Asked]) -> list[Found | Broken]:
        return [Found(masks.pack(_filled(each)), 1.0) for each in asked]


class ColorFlood(Segmenter):
    """The pieces of one colour that a box, a mask or points mean."""

    tolerance: int = Field(default=30, ge=0, le=255)
    """How far red, green and blue may each be off."""

    def found(self, asked: Sequence[Asked]) -> list[Found | Broken]:
        answers: dict[int, Found | Broken] = {}
        for (video, frame), places in by_frame(asked).items():
            image = seen(video, frame)
            for place in places:
                answers[place] = image if isinstance(image, Broken) else self._flooded(image, asked[place])
        return [answers[place] for place in range(len(asked))]

    def _flooded(self, image: Pixels, asked: Asked) -> Found:
        hint, (on, beside) = _hinted(asked), _pixels(asked)
        colour = self._colour(image, hint, on, asked)
        if colour is None:
            return Found(masks.pack(np.zeros(image.shape[:2], np.bool_)), 0.0)
        pieces = _Pieces.of(_alike(image, colour, self.tolerance))
        kept = pieces.mostly(hint) or pieces.at(on) or pieces.most(hint)
        mask = pieces.joined(kept - pieces.at(beside))
        whole = np.count_nonzero(mask | hint) or 1  # a box may be too small for a pixel
        return Found(masks.pack(mask), np.count_nonzero(mask & hint) / whole if asked.prompt.box else 1.0)

    def _colour(self, image: Pixels, hint: Dense, on: NDArray[np.int64], asked: Asked) -> Colour | None:
        """The points' own; or the mask's; or the one that is within the box and hardly outside it."""
        if len(on):
            return _median(image[on[:, 1], on[:, 0]])
        if not hint.any():
            return None
        if asked.corners is None:
            return _median(image[hint])
        within, outside = _sample(image, hint), _sample(image, ~hint)
        candidates = within[:: max(len(within) // CANDIDATES**2, 1)]
        shares = _shares(candidates, within, self.tolerance) - _shares(candidates, outside, self.tolerance)
        best = candidates[int(shares.argmax())]
        return _median(within[(abs(within - best) <= self.tolerance).all(-1)])


class ColorTrack(Propagator):
    """Follows the pieces of one colour from frame to frame; a thing that is covered may come back near by."""

    tolerance: int = Field(default=30, ge=0, le=255)
    """How far red, green and blue may each be off."""
    reach: float = Field(default=0.08, gt=0)
    """How far a thing may go from one frame to the next, as a share of the picture's longer side."""

    def tracked(self, video: Video, frame: int, masks: Masks, frames: Sequence[int]) -> Mapping[int, Masks]:
        first, wanted = frame_of(video, frame), set(frames)
        found: dict[int, list[AnyMask]] = {each: [] for each in frames}
        for mask in masks:
            for way in outward(frame, frames):
                trail = self._trail(first, mask)
                for each in way:
                    seen = trail.step(frame_of(video, each))
                    if each in wanted:
                        found[each].append(seen)
        return {each: tuple(several) for each, several in found.items()}

    def _trail(self, image: Pixels, mask: AnyMask) -> "_Trail":
        dense = masks.decode(mask)
        colour = _median(image[dense]) if dense.any() else None
        return _Trail(colour, self.tolerance, self.reach * max(dense.shape), dense)


@dataclass
class _Trail:
    """One thing on its way."""

    colour: Colour | None
    tolerance: int
    reach: float
    last: Dense
    """Where it was last seen."""

    def step(self, image: Pixels) -> Packed:
        """What is seen of it on the next frame."""
        near = set[int]()
        if self.colour is not None:
            pieces = _Pieces.of(_alike(image, self.colour, self.tolerance))
            near = pieces.near(self.last, self.reach)
            self.last = pieces.joined(near) if near else self.last
        return masks.pack(self.last if near else np.zeros_like(self.last))


@dataclass(frozen=True)
class _Pieces:
    """The connected pieces of some pixels."""

    labels: NDArray[np.int32]
    """Per pixel the number of its piece; 0 is none."""
    areas: NDArray[np.int64]
    """By number."""

    @classmethod
    def of(cls, pixels: Dense) -> "_Pieces":
        import cv2

        _, labels = cv2.connectedComponents(pixels.astype(np.uint8), connectivity=8)
        labels = np.asarray(labels, np.int32)
        return cls(labels, np.bincount(labels.ravel()))

    def inside(self, part: Dense) -> NDArray[np.int64]:
        """How many pixels of each lie within a part of the picture; of what is no piece, none."""
        counts = np.bincount(self.labels[part], minlength=len(self.areas))
        counts[0] = 0
        return counts

    def mostly(self, part: Dense) -> set[int]:
        """Those of which more than half lies there."""
        return set(np.flatnonzero(2 * self.inside(part) > self.areas).tolist())

    def most(self, part: Dense) -> set[int]:
        """The one that has most there."""
        counts = self.inside(part)
        return {int(counts.argmax())} if counts.any() else set()

    def at(self, pixels: NDArray[np.int64]) -> set[int]:
        """Those on which one of these pixels lies."""
        return set(self.labels[pixels[:, 1], pixels[:, 0]].tolist()) - {0}

    def near(self, last: Dense, reach: float) -> set[int]:
        """Those that meet where it was; without such, the nearest within reach."""
        if met := set(np.flatnonzero(self.inside(last)).tolist()):
            return met
        import cv2

        far = cv2.distanceTransform((~last).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        far = np.where(self.labels > 0, far, np.inf)
        return {int(self.labels.ravel()[far.argmin()])} if far.min() <= reach else set()

    def joined(self, numbers: set[int]) -> Dense:
        """The pixels of these."""
        kept = np.zeros(len(self.areas), np.bool_)
        kept[list(numbers)] = True
        return kept[self.labels]


# ---- hints -----------------------------------------------------------------------------------------------------------


def _filled(asked: Asked) -> Dense:
    """The pixels whose centres lie in the box."""
    dense = np.zeros((asked.video.height, asked.video.width), np.bool_)
    x0, y0, x1, y1 = _whole(asked.corners or (0, 0, 0, 0))
    dense[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = True
    return dense


def _whole(corners: Corners) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = np.ceil(np.array(corners) - 0.5).astype(int).tolist()
    return x0, y0, x1, y1


def _hinted(asked: Asked) -> Dense:
    """The part of the frame that is meant: the mask, or the box, or the points alone."""
    if asked.prompt.mask is not None:
        return masks.decode(asked.prompt.mask)
    if asked.corners is not None:
        return _filled(asked)
    dense = np.zeros((asked.video.height, asked.video.width), np.bool_)
    on, _ = _pixels(asked)
    dense[on[:, 1], on[:, 0]] = True
    return dense


def _pixels(asked: Asked) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pixels of the points on the object and of those beside it, [points, 2]; those outside the frame are none."""
    places, on = asked.points
    pixels = np.floor(places + 1e-6).astype(np.int64)
    there = ((pixels >= 0) & (pixels < (asked.video.width, asked.video.height))).all(1)
    return pixels[there & on], pixels[there & ~on]


# ---- colours ---------------------------------------------------------------------------------------------------------


def _alike(image: Pixels, colour: Colour, tolerance: int) -> Dense:
    """The pixels of a colour."""
    import cv2

    low, high = np.clip(colour - tolerance, 0, 255), np.clip(colour + tolerance, 0, 255)
    return np.asarray(cv2.inRange(image, low.astype(np.uint8), high.astype(np.uint8)), np.uint8) > 0


def _median(colours: NDArray[np.integer]) -> Colour:
    return np.median(colours.reshape(-1, 3), axis=0).astype(np.int16)


def _sample(image: Pixels, part: Dense) -> NDArray[np.int16]:
    """Some of the pixels of a part, evenly: [pixels, 3]."""
    places = np.flatnonzero(part)
    return image.reshape(-1, 3)[places[:: max(len(places) // GRAINS**2, 1)]].astype(np.int16)


def _shares(colours: NDArray[np.int16], among: NDArray[np.int16], tolerance: int) -> NDArray[np.float64]:
    """Which share of some pixels is of each colour."""
    if not len(among):
        return np.zeros(len(colours))
    red, green, blue = (abs(one - each[:, None]) <= tolerance for one, each in zip(among.T, colours.T, strict=True))
    return np.count_nonzero(red & green & blue, axis=1) / len(among)
