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
    """The true mask of each of these frames, None where the target is not; frames of which nothing is known are left
    out."""
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
    """Is what `present` says of frames without a mask a guess?

    It is if some masks are empty and some are not: whoever annotates empty masks too has looked at the annotated frames
    only.
    """
    return len({masks.is_empty(mask) for mask in truth.masks.values()}) > 1


def outlined(truth: Truth) -> bool:
    """Are the target's pixels known on any frame, even if only that it has none there?"""
    return bool(truth.masks) or (bool(truth.present) and not any(truth.present))
