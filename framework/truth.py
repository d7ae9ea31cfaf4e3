"""What a truth knows of a frame: which pixels are the target, that none is, or nothing at all.

masks       present        known
{0: #}      # · ·          0 → #, 1 and 2 → nothing is there
{0: #, 2: ·}  # # ·        0 → #, 2 → nothing is there        of 1, which nobody annotated, `present` is a guess
{0: ·, 2: ·}  · · ·        nothing is anywhere
"""

from collections.abc import Iterable

from framework.types import AnyMask, Truth
from framework.vision import masks


def known(truth: Truth, frames: Iterable[int]) -> dict[int, AnyMask | None]:
    """Of these frames those that one knows of; None where nothing is there."""
    found: dict[int, AnyMask | None] = {}
    for frame in frames:
        if mask := truth.masks.get(frame):
            found[frame] = mask if masks.area(mask) else None
        elif 0 <= frame < len(truth.present) and not truth.present[frame] and not guessed(truth, frame):
            found[frame] = None
    return found


def guessed(truth: Truth, frame: int) -> bool:
    """Is it a guess that nothing is on this frame?

    Who writes down empty masks beside others writes them wherever they looked, and has not seen other frames.
    """
    return frame not in truth.masks and len({masks.area(mask) > 0 for mask in truth.masks.values()}) > 1


def outlined(truth: Truth) -> bool:
    """Is there a frame of which one knows the target's pixels, be it that there are none?"""
    return bool(truth.masks) or (bool(truth.present) and not any(truth.present))
