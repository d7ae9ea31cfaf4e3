"""A small world of Gymnasium's kind: walk to the red circle and keep off the blue one. It shows where one stands.

import gymnasium
env = gymnasium.make("framework.lab.grid:limner/Grid-v0", size=4)

. . R .      W: you, white      actions: 0 left, 1 right, 2 up, 3 down
. W . .      R: the goal, red   pays 1 at the goal, -1 at the blue circle, and -0.05 for every step on the way
. . . B      B: blue
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from framework.lab.scene import COLOURS

MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))
"""Left, right, up, down, as steps in x and y."""
CELL = 16
"""Pixels along one side of a cell."""
GROUND, WHITE = (40, 40, 40), (235, 235, 235)
STEP, GOAL, WRONG = -0.05, 1.0, -1.0
PATIENCE = 8
"""Steps after which it is over."""

Pixels = NDArray[np.uint8]


class Grid(gymnasium.Env[Pixels, np.int64]):
    """Its observation is its picture."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 4}  # noqa: RUF012  Gymnasium's own word, and no setting of ours

    def __init__(self, size: int = 4, render_mode: str | None = None) -> None:
        self.size, self.render_mode = size, render_mode
        self.action_space = spaces.Discrete(len(MOVES))
        self.observation_space = spaces.Box(0, 255, (size * CELL, size * CELL, 3), np.uint8)
        self.you = self.goal = self.wrong = (0, 0)
        self.steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Pixels, dict[str, Any]]:
        super().reset(seed=seed)
        cells = self.np_random.choice(self.size**2, 3, replace=False).tolist()
        self.you, self.goal, self.wrong = ((cell % self.size, cell // self.size) for cell in cells)
        self.steps = 0
        return self.seen(), {}

    def step(self, action: np.int64) -> tuple[Pixels, float, bool, bool, dict[str, Any]]:
        self.you = self.moved(self.you, int(action))
        self.steps += 1
        arrived, astray = self.you == self.goal, self.you == self.wrong
        paid = GOAL if arrived else WRONG if astray else STEP
        return self.seen(), paid, arrived or astray, self.steps >= PATIENCE and not (arrived or astray), {}

    def render(self) -> Pixels:
        return self.seen()

    def expert(self) -> int:
        """A move on a shortest way around the blue circle."""
        off = {self.goal: 0}
        for place in (queue := [self.goal]):  # it grows while it is gone through
            near = [self.moved(place, move) for move in range(len(MOVES))]
            fresh = [each for each in dict.fromkeys(near) if each not in off and each != self.wrong]
            off |= dict.fromkeys(fresh, off[place] + 1)
            queue += fresh
        return min(range(len(MOVES)), key=lambda move: off.get(self.moved(self.you, move), len(off) + 1))

    def moved(self, place: tuple[int, int], move: int) -> tuple[int, int]:
        """Where a move leads; at the edge, nowhere."""
        x, y = (min(max(at + step, 0), self.size - 1) for at, step in zip(place, MOVES[move], strict=True))
        return x, y

    def seen(self) -> Pixels:
        image: Pixels = np.full((self.size * CELL, self.size * CELL, 3), GROUND, np.uint8)
        x, y = np.meshgrid(*[np.arange(CELL) - (CELL - 1) / 2] * 2)
        disc = x * x + y * y <= (CELL / 2 - 1) ** 2
        for (column, row), colour in ((self.goal, COLOURS["red"]), (self.wrong, COLOURS["blue"])):
            image[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL][disc] = colour
        column, row = self.you
        image[row * CELL + 4 : (row + 1) * CELL - 4, column * CELL + 4 : (column + 1) * CELL - 4] = WHITE
        return image


gymnasium.register("limner/Grid-v0", entry_point="framework.lab.grid:Grid")
