"""What came of a simulated policy, in a sentence and some facts: does it settle, oscillate, stall or collapse?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from framework.advantage import Values
from framework.difficulty.levels import LEVELS, Level

Line = Mapping[str, float]
"""Figures of one step: right, reward, length, budget, over, and some of them by level."""

STEADY = 20
"""Steps over which a figure is averaged."""
OFTEN, WIDE = 3, 0.15
"""So many swings of a length, each by more than this share of it, are an oscillation."""
FALLS = 0.9
"""A policy that ends with less than this share of its best is worse for going on."""


@dataclass(frozen=True)
class Course:
    """What came of a policy with the length reward, and of the same one without."""

    steps: Sequence[Line]
    without: Sequence[Line]

    @property
    def verdict(self) -> str:
        """In a sentence."""
        right = steady(self.steps, "right")
        if not steady(self.steps, "over").any():
            return "It never acts: no reply is longer than its budget."
        if steady(self.steps, "reward")[-1] < 0.02:
            return "It stalls: whatever is said earns nothing, so nothing is learned."
        often = max(swings(self.length(level)[len(self.steps) // 4 :]) for level in LEVELS)
        if often >= OFTEN:
            return f"It oscillates: a length swings by more than {WIDE:.0%} again and again ({often} times)."
        if right[-1] < FALLS * right.max():
            return f"It collapses: {right.max():.0%} were right at its best, {right[-1]:.0%} are at the end."
        lengths = " · ".join(f"{self.length(level)[-1]:.0f}" for level in LEVELS)
        return f"It settles: easy, medium and hard tasks are thought about for {lengths} tokens at the end."

    @property
    def facts(self) -> list[str]:
        now, then = (steady(lines, "right") for lines in (self.steps, self.without))
        lengths = [steady(lines, "length") for lines in (self.steps, self.without)]
        return [
            f"At the end {now[-1]:.0%} are right with {lengths[0][-1]:.0f} tokens; without it "
            f"{then[-1]:.0%} with {lengths[1][-1]:.0f}. At first it was {now[0]:.0%} with {lengths[0][0]:.0f}.",
            f"Over their budget are {steady(self.steps, 'over')[-1]:.0%} of replies at the end.",
        ]

    def length(self, level: Level) -> Values:
        return np.array([line[f"length/{level}"] for line in self.steps])


def steady(lines: Sequence[Line], key: str) -> Values:
    """A figure averaged over some steps; of those that have it."""
    values = np.array([line[key] for line in lines if key in line] or [np.nan], np.float64)
    few = min(STEADY, len(values))
    return np.asarray(np.convolve(values, np.full(few, 1 / few), "valid"), np.float64)


def swings(values: Values) -> int:
    """How often a series turns back by more than WIDE of itself.

    >>> swings(np.array([40, 60, 58, 61, 40, 41, 60]))
    2
    """
    ways: list[int] = []
    least = most = float(values[0])
    for value in values.tolist():
        least, most = min(least, value), max(most, value)
        way = -1 if value < most * (1 - WIDE) else 1 if value > least * (1 + WIDE) else 0
        if way and way != (ways or [0])[-1]:
            ways.append(way)
        if way:
            least = most = value
    return max(len(ways) - 1, 0)
