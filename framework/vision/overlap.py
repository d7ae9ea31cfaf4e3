"""How much many pairs of stored masks overlap, without making pixels of each.

both packed    whole words of both at a time: AND, and the bits that are left are counted
both as runs   the masks of each side, laid end to end, are one line of pixels. Up to x, C(x) of them are target on
               the one side: a broken line. A stretch of target [s, e) on the other side shares C(e) - C(s) with it

                   one side      · · # # # ·      C  0 0 0 1 2 3 3
                   the other     · # # # · ·      stretch [1, 4) shares C(4) - C(1) = 2

one of each    the runs are packed
of two sizes   the said one stays as it is: the true one's pixels are counted by the said one's pixel under each, once
               for all of that size which is said of it, and the bits of these counts are packed: whole words again

                   true      # # # · · · · ·      on the 4 pixels of the said one   2 1 · ·
                                                  bits that count 1                 · # · ·      that count 2   # · · ·
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from framework.errors import DataError
from framework.types import AnyMask, Mask, Packed
from framework.vision import masks

Counts = NDArray[np.int64]
Words = NDArray[np.uint64]

AT_ONCE = 64
"""Pairs that are worked on together, so that they stay in the processor's cache from beginning to end."""


def iou(said: Sequence[AnyMask], true: Sequence[AnyMask], both_empty: float = 1.0) -> NDArray[np.float64]:
    """Intersection over union of each pair of masks, at the true one's size: of another, each pixel is what lies under
    its centre, as in `masks.resized`.

    >>> iou([Mask((2, 3, 1), 6, 1)], [Mask((1, 3, 2), 6, 1)])
    array([0.5])
    """
    areas = np.array([[masks.area(mask) for mask in said], [masks.area(mask) for mask in true]], np.int64)
    alike = np.array([_size(one) == _size(other) for one, other in zip(said, true, strict=True)], np.bool_)
    shared = _shared(said, true, np.flatnonzero(areas.all(0) & alike).tolist())
    apart: list[int] = np.flatnonzero(~alike).tolist()
    areas[0, apart], shared[apart] = _of_two_sizes([said[place] for place in apart], [true[place] for place in apart])
    united = areas.sum(0) - shared
    return np.divide(shared, united, out=np.full(len(said), both_empty), where=united > 0)


def _shared(said: Sequence[AnyMask], true: Sequence[AnyMask], meeting: Sequence[int]) -> Counts:
    """Pixels that are target in both masks of a pair; 0 but for those pairs in which both have some."""
    alike: defaultdict[tuple[bool, int], list[int]] = defaultdict(list)
    for place in meeting:
        one, other = said[place], true[place]
        alike[isinstance(one, Mask) and isinstance(other, Mask), one.width * one.height].append(place)
    shared, packed = np.zeros(len(said), np.int64), dict[int, Packed]()
    for (runs, _), places in alike.items():
        for first in range(0, len(places), AT_ONCE):
            some = places[first : first + AT_ONCE]
            ones, others = [said[place] for place in some], [true[place] for place in some]
            if runs:
                shared[some] = _of_runs(ones, others)
            else:
                shared[some] = _of_bits([_words(one, packed) for one in ones], [_words(one, packed) for one in others])
    return shared


def _words(mask: AnyMask, packed: dict[int, Packed]) -> Words:
    """A mask as words; a truth that many are held against is packed once."""
    if isinstance(mask, Mask):
        if id(mask) not in packed:
            packed[id(mask)] = masks.pack(masks.decode(mask))
        mask = packed[id(mask)]
    bits, over = mask.bits, len(mask.bits) % 8
    return np.frombuffer(bits + bytes(8 - over) if over else bits, np.uint64)


def _of_bits(said: Sequence[Words], true: Sequence[Words]) -> Counts:
    """Fresh memory would cost more than the counting, so there is one room for what is shared."""
    shared, bits = np.empty_like(said[0]), np.empty((len(said), len(said[0])), np.uint8)
    for place, (one, other) in enumerate(zip(said, true, strict=True)):
        np.bitwise_and(one, other, out=shared)
        np.bitwise_count(shared, out=bits[place])
    return bits.sum(1, dtype=np.uint32).astype(np.int64)  # half the time of a sum of words of 64 bits


def _of_two_sizes(said: Sequence[AnyMask], true: Sequence[AnyMask]) -> tuple[Counts, Counts]:
    """Of each pair, in pixels of the true one: how many the said one has, and how many they share."""
    packed, counted = dict[int, Packed](), dict[tuple[int, int, int], Words]()
    areas, shared = np.zeros((2, len(said)), np.int64)
    for place, (one, other) in enumerate(zip(said, true, strict=True)):
        key = (id(other), *_size(one))
        if key not in counted:
            counted[key] = _target(other, *_size(one))
        words = _words(one, packed)
        areas[place] = _counted(words, _pixels(*_size(one), *_size(other)))
        shared[place] = _counted(words, counted[key])
    return areas, shared


def _counted(words: Words, bits: Words) -> int:
    return int(np.bitwise_count(bits & words).sum(1, dtype=np.int64) @ (1 << np.arange(len(bits))))


@lru_cache(maxsize=16)
def _pixels(width: int, height: int, wide: int, high: int) -> Words:
    """How many pixels of a large mask lie on each of a small one; as bits."""
    rows, columns = masks.under(height, high), masks.under(width, wide)
    return _bits(np.outer(np.bincount(rows, minlength=height), np.bincount(columns, minlength=width)).ravel())


def _target(true: AnyMask, width: int, height: int) -> Words:
    """How many of them are target; as bits."""
    rows, columns = masks.under(height, true.height), masks.under(width, true.width)
    return _bits(np.bincount((rows[:, None] * width + columns)[masks.decode(true)], minlength=width * height))


def _bits(counts: Counts) -> Words:
    """The bits of many numbers, each packed: [bits, words]."""
    least = counts.astype(np.min_scalar_type(counts.max()))
    bits = [least >> bit & 1 for bit in range(int(counts.max()).bit_length())]
    packed = np.packbits(np.array(bits, np.bool_).reshape(len(bits), len(counts)), axis=1)
    return np.pad(packed, ((0, 0), (0, -packed.shape[1] % 8))).view(np.uint64)


def _size(mask: AnyMask) -> tuple[int, int]:
    return mask.width, mask.height


def _of_runs(said: Sequence[AnyMask], true: Sequence[AnyMask]) -> Counts:
    ends, target, first = _line(said)
    covered = np.interp(ends, *_cover(*_line(true)[:2]))
    return np.add.reduceat(np.where(target, np.diff(covered, prepend=0), 0), first).astype(np.int64)


def _cover(ends: Counts, target: NDArray[np.bool_]) -> tuple[Counts, Counts]:
    """The corners of C."""
    ends = np.concatenate([[0], ends])
    return ends, np.concatenate([[0], np.cumsum(np.where(target, np.diff(ends), 0))])


def _line(several: Sequence[AnyMask]) -> tuple[Counts, NDArray[np.bool_], Counts]:
    """All runs laid end to end: where each ends, if it is target, and which is the first of each mask."""
    runs = [masks.as_runs(mask).runs for mask in several]
    counts = np.array([len(each) for each in runs])
    first = np.cumsum(counts) - counts
    ends = np.cumsum(np.fromiter(chain.from_iterable(runs), np.int64, int(counts.sum())))
    if not np.array_equal(ends[first + counts - 1], np.cumsum([mask.width * mask.height for mask in several])):
        mask = next(mask for mask, each in zip(several, runs, strict=True) if sum(each) != mask.width * mask.height)
        raise DataError(f"a mask's runs do not cover its {mask.width} × {mask.height} pixels; mend where it was made")
    target = (np.arange(len(ends)) - np.repeat(first, counts)) % 2 == 1
    return ends, target, first
