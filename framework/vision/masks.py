"""Masks as run lengths: small enough to travel, and turned into pixels only where pixels are needed.

    · # ·        column by column   · · # # · ·
    · # ·   ─▶   taking turns       2 of background, 2 of target, 2 of background   ─▶   Mask((2, 2, 2), 3, 2)

What a mask is of, frame and time, is its owner's to know: where it matters, a Space is given that counts its pixels.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framework.errors import DataError, GeometryError
from framework.types import AnyMask, Mask, Packed
from framework.vision.boxes import Box, Point, Space

Dense = NDArray[np.bool_]
"""[height, width]; True is the target."""


def encode(dense: Dense) -> Mask:
    """The run lengths of a mask.

    >>> encode(np.array([[0, 1, 0], [0, 1, 0]], bool))
    Mask(runs=(2, 2, 2), width=3, height=2)
    """
    height, width = dense.shape
    column_wise = dense.T.ravel()
    changes = np.flatnonzero(column_wise[1:] != column_wise[:-1]) + 1
    runs = np.diff(changes, prepend=0, append=column_wise.size).tolist()
    return Mask((0, *runs) if column_wise[:1].any() else tuple(runs), width, height)


def decode(mask: AnyMask) -> Dense:
    """The pixels of a mask: the inverse of `encode` and of `pack`."""
    if isinstance(mask, Packed):
        bits = np.unpackbits(np.frombuffer(mask.bits, np.uint8), count=mask.width * mask.height)
        return bits.reshape(mask.height, mask.width).astype(bool)
    checked(mask)
    target = np.arange(len(mask.runs)) % 2 == 1
    return np.repeat(target, mask.runs).reshape(mask.width, mask.height).T


def pack(dense: Dense) -> Packed:
    """A mask bit by bit."""
    height, width = dense.shape
    return Packed(np.packbits(dense).tobytes(), width, height, int(np.count_nonzero(dense)))


def as_runs(mask: AnyMask) -> Mask:
    """The same mask as run lengths."""
    return encode(decode(mask)) if isinstance(mask, Packed) else mask


def union(masks: Sequence[AnyMask]) -> Mask:
    """The pixels of any of these, which are all of one size."""
    sizes = {(mask.width, mask.height) for mask in masks}
    if len(sizes) != 1:
        raise DataError(f"masks of sizes {sorted(sizes)} have no union; give one or more of the same size")
    [(width, height)] = sizes
    ends = [np.cumsum(checked(as_runs(mask)).runs) for mask in masks]
    begun = np.concatenate([each[: len(each) // 2 * 2 : 2] for each in ends])
    ended = np.concatenate([each[1::2] for each in ends])
    places, steps = np.concatenate([begun, ended]), np.repeat([1, -1], [len(begun), len(ended)])
    order = np.argsort(places)
    places, depth = places[order], np.cumsum(steps[order])
    last = np.append(np.diff(places) > 0, True)[: len(places)]  # of several that begin or end at one place
    places, inside = places[last], depth[last] > 0
    changes = places[np.diff(inside, prepend=False) & (places < width * height)]
    return Mask(tuple(np.diff(changes, prepend=0, append=width * height).tolist()), width, height)


def together(seen: Sequence[AnyMask], width: int, height: int) -> AnyMask:
    """The pixels of any of these; of none, an empty mask of this size."""
    if not seen:
        return Mask((width * height,), width, height)
    return seen[0] if len(seen) == 1 else union([as_runs(each) for each in seen])


def resized(mask: AnyMask, width: int, height: int) -> AnyMask:
    """The same mask at another size: each pixel is what lies under its centre."""
    if (mask.width, mask.height) == (width, height):
        return mask
    rows, columns = under(mask.height, height), under(mask.width, width)
    return pack(decode(mask)[rows[:, None], columns])


def under(few: int, many: int) -> NDArray[np.int64]:
    """Along one side, the pixel of `few` that lies under the centre of each of `many`."""
    return (2 * np.arange(many) + 1) * few // (2 * many)


def is_empty(mask: AnyMask) -> bool:
    """Has the target no pixel?"""
    return not (mask.area if isinstance(mask, Packed) else any(mask.runs[1::2]))


def area(mask: AnyMask) -> int:
    """How many pixels the target has."""
    if isinstance(mask, Packed):
        return mask.area
    return sum(mask.runs[1::2])


def box(mask: AnyMask, space: Space) -> Box | None:
    """The least box around the target, read off the runs; None without target. `space` counts the mask's pixels."""
    counted(mask, space)
    mask = as_runs(mask)
    checked(mask)
    ends = np.cumsum(mask.runs)[1::2]
    lengths = np.array(mask.runs[1::2], dtype=np.int64)
    starts, lasts = (ends - lengths)[lengths > 0], ends[lengths > 0] - 1
    if not starts.size:
        return None
    across = starts // mask.height != lasts // mask.height  # a run over a column's end has its lowest and highest row
    top = 0 if across.any() else int((starts % mask.height).min())
    bottom = mask.height - 1 if across.any() else int((lasts % mask.height).max())
    return Box(int(starts[0]) // mask.height, top, int(lasts[-1]) // mask.height + 1, bottom + 1, space)


def inner_point(mask: AnyMask, space: Space) -> Point | None:
    """The centre of the largest circle within the target; None without target. `space` counts the mask's pixels."""
    found = box(mask, space)
    if found is None:
        return None
    x0, y0, x1, y1 = (int(side) for side in found.corners)
    column, row = deepest(decode(mask)[y0:y1, x0:x1])
    return Point(x0 + column + 0.5, y0 + row + 0.5, space)


def deepest(dense: Dense) -> tuple[int, int]:
    """The pixel of a target, column and row, that is farthest from whatever is not target; a picture's edge is an edge.

    It lies on the target even where the centre of mass does not, and of several it is the one nearest to that.
    """
    import cv2

    framed = np.pad(dense, 1).astype(np.uint8)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    rows, columns = np.nonzero(dense)
    found = np.argwhere(depth >= depth.max() - 1e-3)
    off = found - (rows.mean(), columns.mean())
    row, column = found[(off**2).sum(1).argmin()].tolist()
    return column, row


def counted(mask: AnyMask, space: Space) -> None:
    """Is this the space of the mask's pixels?"""
    if (mask.width, mask.height) != space.units:
        raise GeometryError(
            f"{space.picture}: a mask of {mask.width} × {mask.height} pixels lies in no space of {space.units}"
        )


def checked(mask: Mask) -> Mask:
    """The same, if its runs cover it."""
    if sum(mask.runs) != mask.width * mask.height:
        raise DataError(f"a mask's runs cover {sum(mask.runs)} pixels, but it is {mask.width} × {mask.height}")
    return mask
