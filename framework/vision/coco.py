"""Masks in COCO's own notation: run lengths squeezed into a string, and polygons.

    runs 2 2 2 30 3   ─▶   2 2 2 28 1 (from the fourth on: less the run two before)   ─▶   5 bits a character, "0" is 0

Runs are counted as in `Mask`, column by column, background first, so only the spelling differs.
"""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from framework.errors import DataError
from framework.types import Mask

ZERO, BITS, SIGN, MORE = 48, 5, 0x10, 0x20
FINE = 5
"""Polygons are walked on a grid this many times finer than pixels."""


def read(counts: str | bytes | Sequence[int], width: int, height: int) -> Mask:
    """A mask from its counts, squeezed or plain.

    >>> read("222", 3, 2) == read([2, 2, 2], 3, 2) == Mask((2, 2, 2), 3, 2)
    True
    """
    runs = _unsqueezed(counts) if isinstance(counts, str | bytes) else [int(run) for run in counts]
    if sum(runs) != width * height or min(runs, default=0) < 0:
        raise DataError(f"the runs of a mask cover {sum(runs)} pixels, but it is {width} × {height}")
    return Mask(_alternating(runs), width, height)


def read_object(given: Any) -> Mask:
    """A mask from what COCO's json holds for it: {"size": [height, width], "counts": …}."""
    try:
        height, width = (int(side) for side in given["size"])
        counts = given["counts"]
    except (KeyError, TypeError, ValueError):
        raise DataError(f"{str(given)[:60]} is no mask; it should hold size and counts") from None
    return read(cast("str | bytes | Sequence[int]", counts), width, height)


def write(mask: Mask) -> bytes:
    """The counts of a mask, squeezed: the inverse of `read`."""
    runs = np.array(mask.runs, np.int64)
    runs[3:] -= np.array(mask.runs[1:-2], np.int64)
    return _squeezed(runs)


def _squeezed(values: NDArray[np.int64]) -> bytes:
    letters: list[NDArray[np.int64]] = []
    kept: list[NDArray[np.bool_]] = []
    going = np.ones(values.shape, bool)
    while going.any():
        low, values = values & 0x1F, values >> BITS
        more = np.where(low & SIGN, values != -1, values != 0)
        letters.append(low + MORE * more + ZERO)
        kept.append(going)
        going = going & more
    return np.stack(letters, 1)[np.stack(kept, 1)].astype(np.uint8).tobytes() if letters else b""


def _unsqueezed(counts: str | bytes) -> list[int]:
    letters = np.frombuffer(counts.encode("latin-1") if isinstance(counts, str) else counts, np.uint8).astype(np.int64)
    letters = letters - ZERO
    if letters.size and (letters.min() < 0 or letters.max() >= 2 * MORE or letters[-1] & MORE):
        raise DataError("the counts of a mask hold characters that COCO does not use, or break off; write them again")
    last = np.flatnonzero((letters & MORE) == 0)
    first = np.concatenate([[0], last[:-1] + 1])[: last.size]
    place = np.arange(letters.size) - np.repeat(first, last - first + 1)
    if place.size and place.max() > 11:
        raise DataError("the counts of a mask hold a number of more than 60 bits; write them again")
    values = np.add.reduceat((letters & 0x1F) << (BITS * place), first) if last.size else letters
    values = values - np.where(letters[last] & SIGN, np.left_shift(1, BITS * (last - first + 1)), 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values.tolist()


def _alternating(runs: list[int]) -> tuple[int, ...]:
    """Without empty runs but the first: equal masks have equal runs."""
    if 0 not in runs[1:]:
        return tuple(runs) or (0,)
    kept: list[int] = runs[:1] or [0]
    for place, run in enumerate(runs[1:], 1):
        if run == 0:
            continue
        if place % 2 == len(kept) % 2:
            kept.append(run)
        else:
            kept[-1] += run
    return tuple(kept)


# ---- polygons --------------------------------------------------------------------------------------------------------


def polygon(corners: Sequence[float], width: int, height: int) -> NDArray[np.bool_]:
    """The pixels of a polygon x0, y0, x1, y1, … as COCO paints it.

    Its outline is walked on the finer grid; each step to another column of pixels marks where, in that column, the
    inside begins or ends.
    """
    fine = (FINE * np.array(corners, float).reshape(-1, 2) + 0.5).astype(np.int64)
    if len(fine) < 3:
        raise DataError(f"a polygon of {len(fine)} corners has no inside; give at least three")
    x, y = np.concatenate([_edge(*pair) for pair in zip(fine, np.roll(fine, -1, axis=0), strict=True)]).T
    step = np.flatnonzero(np.diff(x))
    column = (np.where(x[step + 1] < x[step], x[step + 1], x[step + 1] - 1) + 0.5) / FINE - 0.5
    row = np.ceil(np.clip((np.minimum(y[step], y[step + 1]) + 0.5) / FINE - 0.5, 0, height)).astype(np.int64)
    there = (np.floor(column) == column) & (column >= 0) & (column <= width - 1)
    marks = column[there].astype(np.int64) * height + row[there]
    inside = np.cumsum(np.bincount(marks, minlength=width * height + 1)[: width * height]) % 2 == 1
    return inside.reshape(width, height).T


def _edge(start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """The points of one edge, a step along its longer side each, from its start to its end."""
    size = np.abs(end - start)
    along = 0 if size[0] >= size[1] else 1
    low, high = (start, end) if start[along] <= end[along] else (end, start)
    steps = np.arange(int(size[along]) + 1)
    slope = (high - low)[1 - along] / size[along] if size[along] else 0.0
    points = np.empty((len(steps), 2), np.int64)
    points[:, along] = low[along] + steps
    points[:, 1 - along] = (low[1 - along] + slope * steps + 0.5).astype(np.int64)
    return points if low is start else points[::-1]
