"""How much many pairs of stored masks overlap, without making pixels of them.

both packed    whole words of both at a time: AND, and the bits that are left are counted
both as runs   the masks of each side, laid end to end, are one line of pixels. Up to x, C(x) of them are target on
               the one side: a broken line. A stretch of target [s, e) on the other side shares C(e) - C(s) with it

                   one side      · · # # # ·      C  0 0 0 1 2 3 3
                   the other     · # # # · ·      stretch [1, 4) shares C(4) - C(1) = 2

one of each    the runs are packed
"""

from collections import defaultdict
from collections.abc import Sequence
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
    """Intersection over union of each pair of masks.

    >>> iou([Mask((2, 3, 1), 6, 1)], [Mask((1, 3, 2), 6, 1)])
    array([0.5])
    """
    areas = np.array([[masks.area(mask) for mask in said], [masks.area(mask) for mask in true]], np.int64)
    shared = _shared(said, true, np.flatnonzero(areas.all(0)).tolist())
    united = areas.sum(0) - shared
    return np.divide(shared, united, out=np.full(len(said), both_empty), where=united > 0)


def _shared(said: Sequence[AnyMask], true: Sequence[AnyMask], meeting: Sequence[int]) -> Counts:
    """Pixels that are target in both masks of a pair; 0 but for those pairs in which both have some."""
    alike: defaultdict[tuple[bool, int], list[int]] = defaultdict(list)
    for place in meeting:
        one, other = said[place], true[place]
        if one.width != other.width or one.height != other.height:
            sizes = f"{one.width} × {one.height} and {other.width} × {other.height}"
            raise DataError(f"masks of {sizes} do not overlap pixel by pixel; resize one (framework.vision.masks)")
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
