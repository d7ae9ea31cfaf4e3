"""How far pixels lie from a mask, in steps between neighbouring pixels, read off its runs without painting it.

a run within one column, in a mask of 320 × 240 ─▶ a rectangle of pixels of an image of 840 × 840
distance to a rectangle = steps aside + steps up or down;  distance to the mask = the least of these
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from framework.types import Mask
from framework.vision.masks import checked

Whole = NDArray[np.int64]
Small = NDArray[np.int32]
FAR = np.iinfo(np.int32).max
"""The distance to a mask without target, or to one beyond reach."""


def taxicab(
    x: Whole, y: Whole, of: Whole, masks: Sequence[Mask], image: tuple[int, int] | None = None, reach: int | None = None
) -> Small:
    """The taxicab distance of each pixel (x, y) to masks[of]: 0 on it, 1 beside it.

    Pixels are those of an image of this size, to which the masks are brought by nearest neighbours, or the masks' own.
    Only what lies within `reach` steps aside is looked at: a distance beyond may come out as FAR.
    """
    distances = np.full(x.shape, FAR, np.int32)
    if not len(masks) or not x.size:
        return distances
    each = [rectangles(mask, *(image or (mask.width, mask.height))) for mask in masks]
    left, right, top, bottom = np.concatenate(each, axis=1)
    # Rectangles are sorted by mask, then from left to right: those within reach of a pixel stand together.
    widest = max(int(x.max()), int(right.max(initial=0))) + 1
    reach = min(widest if reach is None else reach, widest)
    shelf = 3 * widest
    shelves = np.repeat(np.arange(len(masks)) * shelf, [part.shape[1] for part in each]) + widest
    at = of * shelf + widest + x
    first = np.searchsorted(shelves + right, at - reach, "left")
    counts = np.maximum(np.searchsorted(shelves + left, at + reach, "right") - first, 0)
    some = np.flatnonzero(counts)
    if some.size:
        counts = counts[some]
        begins = np.cumsum(counts) - counts
        near = np.arange(int(counts.sum())) + np.repeat(first[some] - begins, counts)
        px, py = np.repeat(x[some].astype(np.int32), counts), np.repeat(y[some].astype(np.int32), counts)
        aside = np.maximum(np.maximum(left[near] - px, px - right[near]), 0)
        steps = aside + np.maximum(np.maximum(top[near] - py, py - bottom[near]), 0)
        distances[some] = np.minimum.reduceat(steps, begins)
    return distances


@lru_cache(maxsize=1024)
def rectangles(mask: Mask, width: int, height: int) -> Small:
    """The target as rectangles of an image of this size, [4, n]: left, right, top, bottom, all of them inside."""
    checked(mask)
    ends = np.cumsum(np.array(mask.runs, np.int64))[1::2]
    starts = ends - np.array(mask.runs[1::2], np.int64)
    starts, lasts = starts[ends > starts], ends[ends > starts] - 1
    first = starts // mask.height
    columns = lasts // mask.height - first + 1
    run = np.repeat(np.arange(len(starts)), columns)
    column = np.arange(int(columns.sum())) - np.repeat(np.cumsum(columns) - columns - first, columns)
    top = np.maximum(starts[run] - column * mask.height, 0)
    bottom = np.minimum(lasts[run] - column * mask.height, mask.height - 1)
    across = _pixels(column, mask.width, width), _pixels(column + 1, mask.width, width) - 1
    down = _pixels(top, mask.height, height), _pixels(bottom + 1, mask.height, height) - 1
    found = np.stack([*across, *down]).astype(np.int32)
    found = found[:, (across[0] <= across[1]) & (down[0] <= down[1])]
    found.flags.writeable = False
    return found


def _pixels(line: Whole, count: int, wanted: int) -> Whole:
    """The first of `wanted` pixels whose nearest of `count` pixels is this one."""
    return -((count - 2 * line * wanted) // (2 * count))
