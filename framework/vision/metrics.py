"""How well drawn masks match the true ones: region similarity J and contour accuracy F, as DAVIS 2017 defines them.

    J    shared area / united area; 1 if both are empty
    F    2PR / (P + R), P and R the shares of either mask's boundary that lie within r = ⌈0.008 · diagonal⌉ pixels
         of the other's boundary; 1 if neither has a boundary, 0 if only one has

A pixel is on the boundary if it differs from its neighbour to the east, south or south-east, as far as there is one: a
mask that fills the frame has no boundary. (Perazzi et al., CVPR 2016; Pont-Tuset et al., arXiv 1704.00675)

And what only some evaluations ask for, of frames and of whole sets:

    A            share of pixels that are told rightly, be they target or not                              (ReVOS)
    R            1 - wrong target pixels / pixels of everything annotated in the video, at least 0         (ReVOS)
    tIoU, vIoU   of the frames in which either sees the target: the share in which both do; their J summed (Long-RVOS)
    gIoU, cIoU   mean of the images' IoU; sum of shared areas / sum of united areas                        (refCOCO)

A clip is an array of bits, 64 pixels a word, and some of its frames are worked on at once:

    pixels [T, H, W] ─▶ cut to where anything is ─▶ words [T, h, ⌈w / 64⌉] ─▶ boundaries ─▶ grown by r ─▶ counted
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import DataError

Pixels = NDArray[Any]
"""bool, or 0 and 1."""
Words = NDArray[np.uint64]
"""[T, H, words]; the lowest bit is the westernmost pixel, and beyond the width all bits are 0."""
PerFrame = NDArray[np.float64]
Areas = NDArray[np.int64]

Bits = NDArray[np.bool_]

AT_ONCE = 16
"""Frames that are worked on together."""
TOLERANCE = 0.008
"""How far apart two boundaries may lie, as a share of the frame's diagonal."""


@dataclass(frozen=True, slots=True)
class JF:
    """Of one clip, means over its frames."""

    j: float
    f: float

    @property
    def mean(self) -> float:
        """J&F."""
        return (self.j + self.f) / 2


def j_and_f(pred: Pixels, true: Pixels) -> JF:
    """J and F of a clip, [T, H, W].

    >>> square = np.zeros((1, 100, 100), bool)
    >>> square[:, 20:60, 20:60] = True
    >>> j_and_f(np.roll(square, 1, axis=2), square)
    JF(j=0.9512195121951219, f=1.0)
    """
    j, f = similarities_and_accuracies(pred, true)
    return JF(float(j.mean()), float(f.mean()))


def region_similarities(pred: Pixels, true: Pixels) -> PerFrame:
    """J of each frame of a clip, [T, H, W]."""
    return np.concatenate([pair.similarities() for pair in _pairs(pred, true)])


def contour_accuracies(pred: Pixels, true: Pixels) -> PerFrame:
    """F of each frame of a clip, [T, H, W]."""
    return np.concatenate([pair.accuracies() for pair in _pairs(pred, true)])


def similarities_and_accuracies(pred: Pixels, true: Pixels) -> tuple[PerFrame, PerFrame]:
    """J and F of each frame of a clip, [T, H, W]."""
    each = [(pair.similarities(), pair.accuracies()) for pair in _pairs(pred, true)]
    j, f = zip(*each, strict=True)
    return np.concatenate(j), np.concatenate(f)


def pixel_accuracies(pred: Pixels, true: Pixels) -> PerFrame:
    """A of each frame of a clip, [T, H, W]."""
    said, right = _alike(pred, true)
    return (said == right).mean((1, 2))


def robustnesses(pred: Pixels, true: Pixels, annotated: Pixels) -> PerFrame:
    """R of each frame of a clip, [T, H, W]; `annotated` has the pixels of everything that is annotated in the video."""
    said, right = _alike(pred, true)
    wrong = np.count_nonzero(said & ~right, axis=(1, 2))
    return np.maximum(1 - wrong / (np.count_nonzero(_alike(pred, annotated)[1], axis=(1, 2)) + 1e-6), 0.0)


def temporal_iou(pred: Pixels, true: Pixels) -> float:
    """tIoU, from whether the target is seen in each frame, [T]; 1 if it never is."""
    united = np.count_nonzero(pred | true)
    return float(np.count_nonzero(pred & true) / united) if united else 1.0


def volume_iou(similarities: PerFrame, pred: Pixels, true: Pixels) -> float:
    """vIoU, from J and whether the target is seen in each frame, [T]."""
    united = np.count_nonzero(pred | true)
    return float(similarities[pred & true].sum() / united) if united else 1.0


def areas(pred: Pixels, true: Pixels) -> tuple[Areas, Areas]:
    """The pixels that both have and that either has, in each frame of a clip, [T, H, W]."""
    said, right = _alike(pred, true)
    return np.count_nonzero(said & right, axis=(1, 2)), np.count_nonzero(said | right, axis=(1, 2))


def c_iou(shared: Areas, united: Areas) -> float:
    """cIoU of a set of images, from their `areas`: the larger an object, the more it counts."""
    return float(shared.sum() / united.sum()) if united.any() else 1.0


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two clips as words, cut to where anything of either is."""

    pred: Words
    true: Words
    width: int
    """Pixels of a cut row."""
    radius: int

    def similarities(self) -> PerFrame:
        shared, united = _count(self.pred & self.true), _count(self.pred | self.true)
        return np.divide(shared, united, out=np.ones(len(shared)), where=united > 0)

    def accuracies(self) -> PerFrame:
        said, right = _boundary(self.pred, self.width), _boundary(self.true, self.width)
        in_said, in_right = _count(said), _count(right)
        precision = _count(said & _grown(right, self.radius)) / np.maximum(in_said, 1)
        recall = _count(right & _grown(said, self.radius)) / np.maximum(in_right, 1)
        either, none = precision + recall, np.where((in_said == 0) & (in_right == 0), 1.0, 0.0)
        return np.divide(2 * precision * recall, either, out=none, where=either > 0)


# ---- bits ------------------------------------------------------------------------------------------------------------


def _alike(pred: Pixels, true: Pixels) -> tuple[Bits, Bits]:
    _of_one_size(pred, true)
    return _binary(pred)[0], _binary(true)[0]


def _pairs(pred: Pixels, true: Pixels) -> Iterator[_Pair]:
    """A clip in pieces: frames that follow one another show an object at much the same place."""
    _of_one_size(pred, true)
    for first in range(0, len(pred), AT_ONCE):
        yield _pair(pred[first : first + AT_ONCE], true[first : first + AT_ONCE])


def _pair(pred: Pixels, true: Pixels) -> _Pair:
    (said, drawn), (right, there) = _binary(pred), _binary(true)
    radius = math.ceil(TOLERANCE * math.sqrt(pred.shape[1] ** 2 + pred.shape[2] ** 2))
    part = _held(drawn | there)
    return _Pair(_words(said[part]), _words(right[part]), said[part].shape[2], radius)


def _of_one_size(pred: Pixels, true: Pixels) -> None:
    if pred.shape != true.shape or pred.ndim != 3 or not pred.size:
        raise DataError(f"masks of shapes {pred.shape} and {true.shape} cannot be compared; give two of one size")


def _binary(pixels: Pixels) -> tuple[Bits, Bits]:
    """A clip as bool, and where anything is in any of its frames."""
    if pixels.dtype == np.bool_:
        return pixels, np.logical_or.reduce(pixels)
    anything = np.bitwise_or.reduce(pixels) if pixels.dtype.kind in "iu" else pixels
    if anything is pixels or anything.min() < 0 or anything.max() > 1:
        held = f"{pixels.min()} … {pixels.max()} as {pixels.dtype}"
        raise DataError(f"a mask holds {held}; give bool, or whole numbers 0 and 1 (for instance mask > 0)")
    return pixels.view(np.bool_) if pixels.itemsize == 1 else pixels.astype(np.bool_), anything.astype(np.bool_)


def _held(frame: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    """Where anything is in a frame, and a pixel more to each side; a corner if nothing is."""
    rows, columns = np.flatnonzero(frame.any(1)), np.flatnonzero(frame.any(0))
    if not rows.size:
        return np.s_[:, :1, :1]
    return np.s_[:, max(rows[0] - 1, 0) : rows[-1] + 2, max(columns[0] - 1, 0) : columns[-1] + 2]


def _words(pixels: NDArray[np.bool_]) -> Words:
    """64 pixels a word."""
    octets = np.packbits(pixels, axis=2, bitorder="little")
    words = np.zeros((*octets.shape[:2], -(-octets.shape[2] // 8)), "<u8")
    words.view(np.uint8)[..., : octets.shape[2]] = octets
    return words


def _boundary(mask: Words, width: int) -> Words:
    """Pixels that differ from a neighbour to the east, south or south-east."""
    south = np.concatenate([mask[:, 1:], mask[:, -1:]], axis=1)
    east = np.ones((1, 1, width), np.bool_)
    east[..., -1] = False  # the last column has no neighbour there
    return (((mask ^ _from_east(mask)) | (mask ^ _from_east(south))) & _words(east)) | (mask ^ south)


def _from_east(mask: Words) -> Words:
    """What each pixel's neighbour to the east is."""
    moved = mask >> np.uint64(1)
    moved[..., :-1] |= mask[..., 1:] << np.uint64(63)
    return moved


def _grown(mask: Words, radius: int) -> Words:
    """All pixels within a radius of the mask's: a disk is a stack of bars, as wide as the circle is at that height.

    The bar is widened by a pixel at a time to either side, and laid where the disk has this width. Empty words between
    rows keep what grows over a row's end from the next one.
    """
    frames, height, words = mask.shape
    guarded = np.zeros((frames, height, words + -(-radius // 64)), np.uint64)
    guarded[..., :words] = mask
    bar, disk = guarded.ravel(), np.zeros_like(guarded)
    heights: dict[int, list[int]] = {}
    for up in range(min(radius, height - 1) + 1):
        heights.setdefault(math.isqrt(radius**2 - up**2), []).append(up)
    for reach in range(radius + 1):
        bar = _widened(bar) if reach else bar
        rows = bar.reshape(guarded.shape)
        for up in heights.get(reach, ()):
            disk[:, up:] |= rows[:, : height - up]
            disk[:, : height - up] |= rows[:, up:]
    return disk[..., :words]


def _widened(line: Words) -> Words:
    """Every pixel spreads by one to either side."""
    one, last = np.uint64(1), np.uint64(63)
    wide = line | (line << one) | (line >> one)
    wide[1:] |= line[:-1] >> last
    wide[:-1] |= line[1:] << last
    return wide


def _count(mask: Words) -> NDArray[np.int64]:
    """Pixels of each frame."""
    return np.bitwise_count(mask).sum((1, 2), dtype=np.int64)
