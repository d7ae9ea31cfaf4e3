"""How far pixels lie from a mask, in steps between neighbouring pixels, read off its runs without painting it.

a mask of 320 × 240 ─▶ what each column of an image of 840 × 840 has of it: from row t to row b, and again below
steps to a column's stretch = steps aside + steps up or down;  distance to the mask = the least of these
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from framework.types import Mask
from framework.vision.masks import checked

Whole = NDArray[np.int64]
Small = NDArray[np.int32]
FAR = np.iinfo(np.int32).max
"""The distance to a mask without target, or to one beyond reach."""
NOWHERE = 2**28
"""A row that is too far for any distance: where a column has no stretch, one from here to as far above."""
AT_ONCE = 1024
"""Windows that are looked at together, so that they stay in the processor's cache."""


def taxicab(
    x: Whole, y: Whole, of: Whole, masks: Sequence[Mask], image: tuple[int, int] | None = None, reach: int | None = None
) -> Small:
    """The taxicab distance of each pixel (x, y) to masks[of]: 0 on it, 1 beside it.

    Pixels are those of an image of this size, to which the masks are brought by nearest neighbours, or the masks' own.
    Only what lies within `reach` steps aside is looked at: a distance beyond may come out as FAR.
    """
    if not len(masks) or not x.size:
        return np.full(x.shape, FAR, np.int32)
    widest = max(image[0] if image else mask.width for mask in masks)
    reach = widest if reach is None else min(reach, widest)
    each = [stretches(mask, *(image or (mask.width, mask.height)), reach) for mask in masks]
    # All layers in one line, with empty columns beside each as far as any pixel reaches.
    layers, columns = np.array([part.shape[1:] for part in each]).T
    line = np.concatenate([part.reshape(2, -1) for part in each], axis=1)
    starts = np.cumsum(layers * columns) - layers * columns
    counts = layers[of]
    begins = np.cumsum(counts) - counts
    pixel = np.repeat(np.arange(len(x)), counts)
    layer = np.arange(len(pixel)) - begins[pixel]
    first, row = (starts[of] + x)[pixel] + layer * columns[of][pixel], y[pixel].astype(np.int32)
    return np.minimum.reduceat(_least(line, first, row, reach), begins)


def _least(line: Small, first: Whole, row: Small, reach: int) -> Small:
    """The least distance of each row to the stretches of the columns from `first` to twice the reach farther on."""
    tops, bottoms = sliding_window_view(line, 2 * reach + 1, axis=1)
    aside = np.abs(np.arange(-reach, reach + 1, dtype=np.int32))
    least = np.empty(first.shape, np.int32)
    for start in range(0, len(first), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        at = row[some, None]
        steps, below = tops[first[some]], bottoms[first[some]]
        steps -= at
        np.maximum(steps, np.subtract(at, below, out=below), out=steps)
        np.maximum(steps, 0, out=steps)
        steps += aside
        steps.min(axis=1, out=least[some])
    least[least > NOWHERE // 2] = FAR
    return least


@lru_cache(maxsize=1024)
def stretches(mask: Mask, width: int, height: int, aside: int = 0) -> Small:
    """The target in the columns of an image of this size: [2, layers, width], the first and last row of each stretch.

    Layer 0 has the uppermost of each column, layer 1 the next. So many empty columns stand `aside`, left and right.
    """
    checked(mask)
    ends = np.cumsum(np.array(mask.runs, np.int64))[1::2]
    starts = ends - np.array(mask.runs[1::2], np.int64)
    starts, lasts = starts[ends > starts], ends[ends > starts] - 1
    first = starts // mask.height
    columns = lasts // mask.height - first + 1
    run = np.repeat(np.arange(len(starts)), columns)
    column = np.arange(int(columns.sum())) - np.repeat(np.cumsum(columns) - columns - first, columns)
    top = _pixels(np.maximum(starts[run] - column * mask.height, 0), mask.height, height)
    bottom = _pixels(np.minimum(lasts[run] - column * mask.height, mask.height - 1) + 1, mask.height, height) - 1
    column, top, bottom = (part[top <= bottom] for part in (column, top, bottom))
    layer = np.arange(len(column)) - np.searchsorted(column, column)
    found = np.empty((2, int(layer.max(initial=0)) + 1, mask.width + 1), np.int32)
    found[0], found[1] = NOWHERE, -NOWHERE
    found[:, layer, column] = top, bottom
    column = (2 * np.arange(width) + 1) * mask.width // (2 * width)
    found = found.take(np.pad(column, aside, constant_values=mask.width), axis=2)
    found.flags.writeable = False
    return found


def _pixels(line: Whole, count: int, wanted: int) -> Whole:
    """The first of `wanted` pixels whose nearest of `count` pixels is this one."""
    return -((count - 2 * line * wanted) // (2 * count))
