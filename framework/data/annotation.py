"""One annotated mask of prepared data beside what is said of it: its area, its box and a point on it.

rle ─▶ mask ─▶ as large as its frame? of this area? in this box? under this point?
"""

from collections.abc import Sequence

import numpy as np

from framework.errors import DataError
from framework.types import Mask
from framework.vision import coco, masks
from framework.vision.boxes import Box, Space


def odd(
    counts: str | bytes, size: tuple[int, int], area: int, said: Sequence[int], point: Sequence[float]
) -> tuple[str, str] | None:
    """What is wrong first, the mask or the box and the point that are `said`, and how; None if all agree."""
    width, height = size
    try:
        mask = coco.read(counts, width, height)
    except DataError as error:
        return "odd mask", str(error)
    box = masks.box(mask, Space("", (0, 0, width, height), (width, height)))
    if box is None:
        return "odd mask", "the mask is empty; such a frame has none"
    if masks.area(mask) != area:
        return "odd mask", f"the area is {area}, the mask has {masks.area(mask)} pixels"
    corners = [int(side) for side in box.corners]
    if corners != said:
        return "odd box", f"the box is {said}, the mask is in {corners}{_counted(said, box)}"
    return None if _holds(mask, point) else ("odd box", f"the point {point} is not on the mask")


def _holds(mask: Mask, point: Sequence[float]) -> bool:
    """Is the pixel under a point the target's? Read off the runs: every second one is."""
    column, row = int(point[0]), int(point[1])
    if not (0 <= column < mask.width and 0 <= row < mask.height):
        return False
    return bool(np.searchsorted(np.cumsum(mask.runs), column * mask.height + row, side="right") % 2)


def _counted(said: Sequence[int], box: Box) -> str:
    """Which picture a box was counted in, if it is a stretched one.

    >>> _counted([100, 200, 300, 400], Box(10, 10, 30, 20, Space("", (0, 0, 100, 50), (100, 50))))
    ', as if counted in 1000×1000'
    """
    wide, high = box.space.units
    across, down = (said[2] - said[0]) / (box.x1 - box.x0), (said[3] - said[1]) / (box.y1 - box.y0)
    stretched = (box.x0 * across, box.y0 * down, box.x1 * across, box.y1 * down)
    alike = min(across, down) > 2 / 3 and max(across, down) < 3 / 2  # merely inexact
    if alike or any(abs(a - b) > max(across, down, 1) for a, b in zip(stretched, said, strict=True)):
        return ""
    return f", as if counted in {round(wide * across)}×{round(high * down)}"
