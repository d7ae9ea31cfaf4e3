"""What an episode drew, as bytes that travel: a row of uint8 per episode, from the worker that drew to the trainer.

    turn 0: 1 │ frame 0's bits │ frame 3's bits │ … │ keyframe's bits │ turn 1: 0, it drew nothing │ turn 2: 1 │ …

Which frames, both sides know from the episode's own `Sitting`; how large, from the decoder.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from framework.drawing import Sitting
from framework.types import Drawn, Episode, Packed

Bits = NDArray[np.uint8]


def pack(sitting: Sitting, drawn: Mapping[int, NDArray[np.bool_]]) -> Bits:
    """By turn, its masks on each frame and then on the keyframe: [frames + 1, height, width]."""
    rows = list[Bits]()
    for number in range(len(sitting.turns)):
        there = drawn.get(number)
        rows.append(np.array([there is not None], np.uint8))
        if there is not None:
            rows.append(np.packbits(there.reshape(len(there), -1), axis=1).ravel())
    return np.concatenate([*rows, np.zeros(1, np.uint8)])  # an episode without turns has one byte, too


def unpack(bits: Bits, sitting: Sitting, grid: tuple[int, int]) -> list[Drawn | None]:
    """What each turn drew."""
    height, width = grid
    size, at, found = (height * width + 7) // 8, 0, list[Drawn | None]()
    for canvas in sitting.turns:
        drew, at = bool(bits[at]), at + 1
        if not drew:
            found.append(None)
            continue
        count = len(canvas.frames) + 1
        each = [_mask(row, height, width) for row in bits[at : at + count * size].reshape(count, size)]
        at += count * size
        frames = dict(zip(canvas.frames, each, strict=False))
        found.append(Drawn(frames=frames, keyframe=canvas.keyframe, on_keyframe=each[-1]))
    return found


def _mask(row: Bits, height: int, width: int) -> Packed:
    return Packed(row.tobytes(), width, height, int(np.bitwise_count(row).sum()))


def with_drawings(episode: Episode, drawn: list[Drawn | None]) -> Episode:
    """The episode with what its turns drew."""
    turns = zip(episode.turns, drawn, strict=True)
    return replace(episode, turns=tuple(replace(turn, drawn=each) for turn, each in turns))
