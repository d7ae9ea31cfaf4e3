"""Clips of drawn and true masks, whose J and F are counted by us and by vos-benchmark, the package of others.

small, large    an object that drifts over 32 frames, its outline ragged, drawn a few pixels off
pairs           single frames of every kind: noise, fragments, empty, full, against the edge
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import UserError
from framework.vision import metrics

Clip = NDArray[np.uint8]
"""[T, H, W] of 0 and 1, as they are read from PNG files."""
CLIPS = {
    "480p, small object": (480, 854, 0.06, 20),
    "480p, large object": (480, 854, 0.2, 9),
    "720p": (720, 1280, 0.12, 18),
    "1080p": (1080, 1920, 0.12, 45),
}
"""Name → height, width, the object's half width as a share of it, how many times faster we are at least."""


def clip(height: int, width: int, share: float, frames: int, seed: int = 0) -> tuple[Clip, Clip]:
    """Drawn and true masks of a clip; one frame in ten has nothing."""
    lots = np.random.default_rng(seed)
    drawn, true = np.zeros((2, frames, height, width), np.uint8)
    for frame in range(frames):
        x, y = width * (0.3 + 0.4 * frame / frames), height * 0.5
        for clip, off, size in ((drawn, 4, 1.0), (true, 0, 1.05)):
            if lots.random() > 0.1:
                clip[frame] = _blob(height, width, x + off, y + off, share * width * size, lots)
    return drawn, true


def _blob(height: int, width: int, x: float, y: float, half: float, lots: np.random.Generator) -> NDArray[np.bool_]:
    """An ellipse whose rim goes in and out."""
    rows, columns = np.ogrid[:height, :width]
    across, down = (columns - x) / half, (rows - y) / (half * 0.7)
    angle = np.arctan2(down, across)
    waves = sum(lots.normal(0, 0.04) * np.cos(turn * angle) for turn in range(2, 9))
    return across**2 + down**2 <= (1 + waves) ** 2


def theirs(drawn: Clip, true: Clip) -> tuple[list[float], list[float]]:
    """J and F of each frame of a clip of one object."""
    counted = _evaluator()()
    counted.objects_in_gt.add(1)  # so that frames without it are counted too
    for pair in zip(drawn, true, strict=True):
        counted.feed_frame(*pair)
    return counted.object_iou[1], counted.boundary_f[1]


def ours(drawn: Clip, true: Clip) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return metrics.region_similarities(drawn, true), metrics.contour_accuracies(drawn, true)


def _evaluator() -> Callable[[], Any]:
    try:
        from vos_benchmark.evaluator import Evaluator
    except ModuleNotFoundError:
        raise UserError("vos-benchmark is not installed; `uv sync` brings it with the dev dependencies") from None
    return Evaluator


def apart(pairs: int) -> float:
    """The largest difference between our J or F and theirs, over so many pairs."""
    each = [np.abs(np.array(ours(*pair)) - np.array(theirs(*pair))).max() for pair in several(pairs)]
    return float(max(each))


def several(pairs: int, seed: int = 0) -> Iterator[tuple[Clip, Clip]]:
    """Pairs of single frames of every kind, and of every two kinds."""
    lots = np.random.default_rng(seed)
    kinds = list(KINDS.values())
    for number in range(pairs):
        height, width = (int(side) for side in lots.integers(1, 260, 2))
        first, second = kinds[number % len(kinds)], kinds[number // len(kinds) % len(kinds)]
        true = first(height, width, lots)
        drawn = np.roll(true, lots.integers(-5, 6, 2), (0, 1)) if number % 3 else second(height, width, lots)
        yield drawn[None].astype(np.uint8), true[None].astype(np.uint8)


def _noise(height: int, width: int, lots: np.random.Generator) -> NDArray[np.bool_]:
    return lots.random((height, width)) < lots.random()


def _fragments(height: int, width: int, lots: np.random.Generator) -> NDArray[np.bool_]:
    coarse = lots.random((height // 7 + 1, width // 7 + 1)) < 0.15
    return np.kron(coarse, np.ones((7, 7), bool))[:height, :width] & (lots.random((height, width)) < 0.95)


def _object(height: int, width: int, lots: np.random.Generator) -> NDArray[np.bool_]:
    x, y = lots.random(2) * (width, height)
    return _blob(height, width, x, y, lots.uniform(1, width), lots)


def _at_an_edge(height: int, width: int, lots: np.random.Generator) -> NDArray[np.bool_]:
    dense = np.zeros((height, width), bool)
    dense[: lots.integers(height + 1), : lots.integers(width + 1)] = True
    return dense[:: lots.choice((-1, 1)), :: lots.choice((-1, 1))]


KINDS: dict[str, Callable[[int, int, np.random.Generator], NDArray[np.bool_]]] = {
    "noise": _noise,
    "fragments": _fragments,
    "object": _object,
    "edge": _at_an_edge,
    "empty": lambda height, width, lots: np.zeros((height, width), bool),
    "full": lambda height, width, lots: np.ones((height, width), bool),
}
