"""A setting that changes while training goes on: values at some steps, and what lies between them.

weight: {at: {0: 0.0, 1000: 0.5}}                        a straight line, then 0.5 for good
threshold: {at: {0: 0.3, 500: 0.7}, between: steps}      0.3 until step 500
"""

import math
from typing import Literal

from pydantic import Field

from framework.config import Settings


class Schedule(Settings):
    """The value of one setting over the steps of the rl stage; before the first and after the last it stands still."""

    at: dict[int, float] = Field(min_length=1)
    """Step → value."""
    between: Literal["linear", "cosine", "steps"] = "linear"
    """A straight line, half a cosine wave, or the earlier value until the next step."""

    def value(self, step: int) -> float:
        """The setting at this step.

        >>> Schedule(at={0: 0.0, 100: 1.0}).value(25)
        0.25
        """
        before = max((each for each in self.at if each <= step), default=min(self.at))
        after = min((each for each in self.at if each > step), default=before)
        if self.between == "steps" or before == after or step < before:
            return self.at[before]
        way = (step - before) / (after - before)
        if self.between == "cosine":
            way = (1 - math.cos(math.pi * way)) / 2
        return self.at[before] + way * (self.at[after] - self.at[before])

    def __str__(self) -> str:
        """In words: "0 at step 0 → 0.5 at step 1000"."""
        return " → ".join(f"{value:g} at step {step}" for step, value in sorted(self.at.items()))
