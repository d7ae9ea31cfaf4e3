"""Was it said at the right length?

Lengths are tokens as the model counted them, over all turns. Where no model said it, or nobody counted, they are
estimated from the text: a token for every three characters (framework/budget.py), at least one for what is not empty.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from framework.budget import CHARACTERS
from framework.chat.thought import thought_tokens
from framework.config import Fault, SerializeAsAny
from framework.difficulty.levels import LEVELS, Difficulty
from framework.line import Values
from framework.reward import FAILURES, Reward, part
from framework.types import Action, Broken, Episode, Failure, Malformed
from rewards.answer import ExactAnswer


class LengthReward(Reward):
    """A reward that looks at how much was said."""

    counts: Literal["thought", "all"] = "all"
    """Tokens inside <think>, or of the whole replies."""

    def lengths(self, episodes: Sequence[Episode]) -> Values:
        """Tokens of each episode."""
        of = thought_tokens if self.counts == "thought" else _all
        return np.array([sum(of(turn.said) for turn in episode.turns) for episode in episodes], np.float64)


def _all(said: Action) -> int:
    return said.tokens if said.tokens is not None else math.ceil(len(said.text) / CHARACTERS)


class SoftLength(LengthReward):
    """s = 1 − β·max(0, L − B), not below 0: a factor for what was earned, after VideoSeg-R1; in [0, 1].

    L is what was thought, B the budget of the task's difficulty. What is said outside <think> is free: have
    strict_format beside it, or count all. Where what it multiplies may be negative, a long reply would lose less: let
    it multiply only terms that are not. The paper (arXiv 2511.16077) gives neither β nor budgets; these keep to the
    mean lengths it reports, 43 to 56 tokens.
    """

    multiplies: tuple[str, ...] = ("total",)
    counts: Literal["thought", "all"] = "thought"
    beta: float = Field(default=0.01, ge=0)
    """Lost for each token over the budget."""
    easy: float = Field(default=40.0, ge=0)
    """Tokens for an easy task."""
    medium: float = Field(default=60.0, ge=0)
    """For one in between, or of which nothing is known."""
    hard: float = Field(default=80.0, ge=0)
    """For a hard one."""
    difficulty: Difficulty = Difficulty()

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        budgets = self.budgets(episodes)
        allowed = np.array([np.nan if isinstance(each, FAILURES) else each for each in budgets], np.float64)
        over = np.maximum(self.lengths(episodes) - allowed, 0)
        factors = np.clip(1 - self.beta * over, 0, 1).tolist()
        return [b if isinstance(b, FAILURES) else factor for b, factor in zip(budgets, factors, strict=True)]

    def budgets(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        """The length up to which each episode loses nothing."""
        tokens = dict(zip(LEVELS, (self.easy, self.medium, self.hard), strict=True))
        return [each if isinstance(each, Broken) else tokens[each] for each in self.difficulty.levels(episodes)]


class Overlong(LengthReward):
    """0 up to `longest` − `buffer` tokens, from there a straight line to −1 at `longest`, −1 beyond; in [−1, 0].

    The soft overlong punishment of DAPO (arXiv 2503.14476), to be added to what was earned.
    """

    longest: float = Field(default=512.0, gt=0)
    """The paper has 20480 …"""
    buffer: float = Field(default=128.0, gt=0)
    """… and 4096."""

    @model_validator(mode="after")
    def _leaves_room(self) -> "Overlong":
        if self.buffer > self.longest:
            raise Fault(("buffer",), f"{self.buffer:g} will not do; it should be at most longest={self.longest:g}")
        return self

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        over = self.lengths(episodes) - (self.longest - self.buffer)
        return np.clip(-over / self.buffer, -1, 0).tolist()


class CosineLength(LengthReward):
    """Half a cosine over the length: right answers lose by it, wrong ones gain; `exceeds` from `longest` on.

    r_L + (r_0 − r_L) · (1 + cos(π·L ⁄ longest)) ⁄ 2, with one r_0 (what a length of 0 earns) and one r_L (just before
    `longest`) for what is right and others for what is wrong; between the least and the most of these settings, in
    [−1, 1] as they are. After "Demystifying Long Chain-of-Thought Reasoning" (arXiv 2502.03373). A malformed reply is
    wrong.
    """

    right: Annotated[SerializeAsAny[Reward], part()] = ExactAnswer()
    """What is right: `reaches` or more by this reward."""
    reaches: float = 0.5
    longest: float = Field(default=512.0, gt=0)
    right_short: float = 1.0
    right_long: float = 0.5
    wrong_short: float = -1.0
    wrong_long: float = -0.5
    exceeds: float = -1.0

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        found = self.right(episodes)
        right = np.array([not isinstance(each, FAILURES) and each >= self.reaches for each in found], np.bool_)
        lengths = self.lengths(episodes)
        short, long = (
            np.where(right, self.right_short, self.wrong_short),
            np.where(right, self.right_long, self.wrong_long),
        )
        way = (1 + np.cos(np.pi * np.minimum(lengths / self.longest, 1))) / 2
        values = np.where(lengths < self.longest, long + (short - long) * way, self.exceeds).tolist()
        lost = [isinstance(each, FAILURES) and not isinstance(each, Malformed) for each in found]
        return [was if gone else value for was, gone, value in zip(found, lost, values, strict=True)]
