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
    frames = list(frames)
    blank = {frame for frame in frames if frame not in truth.masks and absent(truth, frame)}
    if blank and guesses(truth):
        blank.clear()
    said = {frame: truth.masks.get(frame) for frame in frames if frame in truth.masks or frame in blank}
    return {frame: mask if mask and not masks.is_empty(mask) else None for frame, mask in said.items()}


def absent(truth: Truth, frame: int) -> bool:
    """Is it said that nothing is on this frame?"""
    return 0 <= frame < len(truth.present) and not truth.present[frame]


def nowhere(truth: Truth) -> bool:
    """Is it known that no frame shows the target?"""
    return bool(truth.present or truth.boxes) and not any(truth.present) and not any(truth.boxes.values())


def guesses(truth: Truth) -> bool:
    """Is it a guess what is said of frames without a mask?

    Who writes down empty masks beside others writes them wherever they looked, and has not seen other frames.
    """
    return len({masks.is_empty(mask) for mask in truth.masks.values()}) > 1


def outlined(truth: Truth) -> bool:
    """Is there a frame of which one knows the target's pixels, be it that there are none?"""
    return bool(truth.masks) or (bool(truth.present) and not any(truth.present))
