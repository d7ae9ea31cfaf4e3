"""Masks as they may be drawn: rightly, wrongly, by guess, or so as to look better than they are."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from framework.types import AnyMask, Drawn
from framework.vision import masks

Hand = Literal["right", "wrong", "guess", "all", "half", "most", "spoiled"]
"""How masks are drawn: "half" of the target, "most" a little more of it, "spoiled" everywhere but on the keyframe."""

FRAMES = 5
"""Frames on which a turn draws."""


def drawn(true: Mapping[int, AnyMask], hand: Hand, keyframe: int) -> Drawn:
    """What a turn draws on frames spread over those whose true mask is known, and on this keyframe if it is one."""
    there = sorted(true)
    places = np.linspace(0, len(there) - 1, min(FRAMES, len(there))).round().astype(int).tolist()
    key = keyframe if keyframe in true else there[len(there) // 2]
    on_frames, on_key = ("wrong", "right") if hand == "spoiled" else (hand, hand)
    return Drawn(
        frames={there[place]: by_hand(true[there[place]], on_frames) for place in places},
        keyframe=key,
        on_keyframe=by_hand(true[key], on_key),
    )


def by_hand(true: AnyMask, hand: Hand) -> AnyMask:
    """The mask as such a hand draws it."""
    if hand == "right":
        return true
    there = masks.decode(true)
    height, width = there.shape
    if hand in ("half", "most"):
        counted = np.cumsum(there).reshape(there.shape)
        return masks.encode(there & (counted <= (0.5 if hand == "half" else 0.56) * counted[-1, -1]))
    drawn = np.full(there.shape, hand == "all")
    if hand == "guess":
        drawn[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = True
    if hand == "wrong":
        corners = [(0, 0), (0, width - 1), (height - 1, 0), (height - 1, width - 1)]
        drawn[next((corner for corner in corners if not there[corner]), (0, 0))] = True
    return masks.encode(drawn)
