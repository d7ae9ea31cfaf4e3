"""What a truth knows of a frame: which pixels are the target, that none is, or nothing at all.

masks       present        known
{0: #}      # · ·          0 → #, 1 and 2 → nothing is there
{0: #, 2: ·}  # # ·        0 → #, 2 → nothing is there        of 1, which nobody annotated, `present` is a guess
"""

from collections.abc import Iterable

from framework.types import AnyMask, Truth
from framework.vision import masks


def known(truth: Truth, frames: Iterable[int]) -> dict[int, AnyMask | None]:
    """Of these frames those that one knows of; None where nothing is there.

    Who writes down empty masks writes them wherever they looked, and what is said of other frames they have not seen.
    """
    annotated = not all(map(masks.area, truth.masks.values()))
    found: dict[int, AnyMask | None] = {}
    for frame in frames:
        if mask := truth.masks.get(frame):
            found[frame] = mask if masks.area(mask) else None
        elif not annotated and frame < len(truth.present) and not truth.present[frame]:
            found[frame] = None
    return found
