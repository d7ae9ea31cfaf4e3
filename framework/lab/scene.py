"""A scene of the synthetic world: flat shapes that come, move, cover one another and go.

    things, back to front ─▶ who [T, H, W]: 0 is background, k + 1 is thing k ─┬▶ frames [T, H, W, 3]
                                                                               └▶ exact visible masks: who == k + 1

Places are whole pixels, so a shape is cut out once and stamped into every frame of its life.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (220, 40, 40),
    "green": (40, 180, 60),
    "blue": (50, 80, 230),
    "yellow": (235, 210, 50),
    "purple": (150, 60, 190),
    "cyan": (60, 200, 210),
}

SHAPES: dict[str, Callable[[Array, Array], NDArray[np.bool_]]] = {
    "circle": lambda x, y: x * x + y * y <= 1,
    "square": lambda x, y: np.maximum(abs(x), abs(y)) <= 1,
    "triangle": lambda x, y: 2 * abs(x) <= 1 + y,
    "diamond": lambda x, y: abs(x) + abs(y) <= 1,
    "cross": lambda x, y: np.minimum(abs(x), abs(y)) <= 0.38,
}
"""Is (x, y) inside? Both run from -1 to 1 over the shape, y downward."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One object and its life."""

    colour: str
    shape: str
    radius: int
    first: int
    """The frame in which it comes."""
    path: tuple[tuple[int, int], ...]
    """Its centre in each frame of its life, x then y: it is whole pixels, and the whole thing lies in the picture."""

    @property
    def pixels(self) -> int:
        """How many it has when nothing covers it."""
        return int(np.count_nonzero(cut(self.shape, self.radius)))


@dataclass(frozen=True, slots=True)
class Scene:
    """The whole state of a clip: nothing else decides a pixel."""

    things: tuple[Thing, ...]
    """Back to front."""
    length: int
    size: int
    """Pixels along each side."""
    background: tuple[int, int, int]
    noise: int
    """Each value of a pixel is off by at most this."""
    noise_seed: int

    def who(self) -> NDArray[np.uint8]:
        """Who is seen at each pixel: 0 is background, k + 1 is thing k."""
        who = np.zeros((self.length, self.size, self.size), np.uint8)
        for number, thing in enumerate(self.things, 1):
            stamp, radius = cut(thing.shape, thing.radius), thing.radius
            for frame, (x, y) in enumerate(thing.path, thing.first):
                who[frame, y - radius : y + radius, x - radius : x + radius][stamp] = number
        return who

    def frames(self) -> NDArray[np.uint8]:
        """The pixels of the clip."""
        palette = np.array([self.background, *(COLOURS[thing.colour] for thing in self.things)], np.uint8)
        if not self.noise:
            return palette[self.who()]
        grit = np.random.default_rng(self.noise_seed)
        off = grit.integers(0, 2 * self.noise + 1, (self.length, self.size, self.size, 3), np.uint8)
        return (palette - np.uint8(self.noise))[self.who()] + off


@lru_cache(maxsize=512)
def cut(shape: str, radius: int) -> NDArray[np.bool_]:
    """The pixels of a shape in the square of 2 · radius pixels around it."""
    steps = (np.arange(2 * radius) + 0.5 - radius) / radius
    stamp = SHAPES[shape](steps[None, :], steps[:, None])
    stamp.flags.writeable = False
    return stamp
