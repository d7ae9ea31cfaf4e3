"""How players are compared: all play the same tasks under the training's own env, parser and rewards.

tasks ─▶ play_all(player) ─▶ Played: episodes, rewards ─▶ scores, one a task ─┐
tasks ─▶ play_all(other)  ─▶ Played: episodes, rewards ─▶ scores, one a task ─┴▶ gain: mean paired difference
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.chat.thought import thought_tokens
from framework.env import Rules
from framework.player import Player
from framework.rollout import play
from framework.rubric import Rubric, part_means
from framework.tracing import Draws
from framework.types import Broken, Episode, Malformed, NotApplicable, RewardBreakdown, Stop, Task

Scores = NDArray[np.float64]
TOGETHER = 256
"""Episodes in play at one time."""
RESAMPLES = 10_000
"""Draws of the bootstrap."""


@dataclass(frozen=True, slots=True)
class Arena:
    """The game that everyone plays, and what it is judged by."""

    rules: Rules
    rubric: Rubric
    score_name: str
    """The reward part that is the score."""
    tracer: Draws | None = None
    """Makes masks of what was answered."""


@dataclass(frozen=True, slots=True)
class Played:
    """One player's games: every task once in each round, in the order of the tasks."""

    rounds: tuple[tuple[Episode, ...], ...]
    """[rounds][tasks]"""
    rewards: tuple[tuple[RewardBreakdown, ...], ...]
    """[rounds][tasks]: what each episode earned."""
    score_name: str
    """The reward part that is the score."""

    def scores(self) -> Scores:
        """The mean score of each task over the rounds.

        An episode without a score counts 0, unless the task has nothing to be measured or our machinery failed: that
        says nothing about the player, and such rounds are left out. NaN where no round is left.
        """
        return mean_known(np.array([[self._score(row) for row in each] for each in self.rewards]))

    def _score(self, earned: RewardBreakdown) -> float:
        nothing = isinstance(earned.failures.get(self.score_name), NotApplicable)
        return earned.parts.get(self.score_name, np.nan if nothing or lost(earned, self.score_name) else 0.0)

    def lost(self) -> list[str]:
        """For each task of the first round, why our machinery has no score of it; empty if it did not fail."""
        return [lost(row, self.score_name) for row in self.rewards[0]]

    def thoughts(self) -> Scores:
        """The mean number of tokens between <think> and </think> over the rounds, for each task."""
        rows = [[sum(thought_tokens(turn.said) for turn in game.turns) for game in each] for each in self.rounds]
        return np.array(rows, np.float64).mean(0)

    def parts(self) -> dict[str, float]:
        """The mean of each reward part over the episodes that have it."""
        return dict(sorted(part_means([row for each in self.rewards for row in each]).items()))

    def well_formed(self) -> float:
        """The share of episodes in which every reply was an action."""
        return float(np.mean([_readable(episode) for episode in self.sound])) if self.sound else float("nan")

    @property
    def sound(self) -> list[Episode]:
        """The episodes in which our machinery did not fail."""
        return [episode for each in self.rounds for episode in each if episode.stop is not Stop.ERROR]


def mean_known(rows: Scores) -> Scores:
    """The mean of each column over the rows that have a number there; NaN where none has."""
    return np.nansum(rows, 0) / np.where(np.isnan(rows).all(0), np.nan, np.isfinite(rows).sum(0))


def average(scores: Scores) -> float:
    """The mean of the scores that are numbers; NaN if none is."""
    there = scores[np.isfinite(scores)]
    return float(there.mean()) if len(there) else float("nan")


def lost(earned: RewardBreakdown, score_name: str) -> str:
    """Why our machinery has no score of an episode; empty if it did not fail."""
    failure = earned.failures.get("episode") or earned.failures.get(score_name)
    return failure.reason or "lost" if isinstance(failure, Broken) else ""


def _readable(episode: Episode) -> bool:
    return not any(isinstance(turn.said.parsed, Malformed) for turn in episode.turns)


async def play_all(tasks: Sequence[Task], arena: Arena, player: Player, rounds: int = 1, seed: int = 0) -> Played:
    """Every task, `rounds` times over; at most TOGETHER episodes at once."""
    gate = asyncio.Semaphore(TOGETHER)

    async def one(task: Task, number: int) -> Episode:
        async with gate:
            return await play(task, arena.rules, player(task, arena.rules, seed + number))

    played = await asyncio.gather(*(one(task, number) for number in range(rounds) for task in tasks))
    drawn = arena.tracer.draw(played) if arena.tracer else played
    each = [tuple(drawn[start : start + len(tasks)]) for start in range(0, len(drawn), len(tasks))]
    return Played(tuple(each), tuple(tuple(arena.rubric.score(episodes)) for episodes in each), arena.score_name)


@dataclass(frozen=True, slots=True)
class Gain:
    """A mean paired difference and its 95 % bootstrap interval over tasks."""

    mean: float
    low: float
    high: float


def gain(after: Scores, before: Scores, seed: int = 0) -> Gain:
    """How much better `after` is than `before`, task by task, where both have a score.

    The interval speaks of these tasks only; another training seed is another draw.
    """
    difference = after - before
    difference = difference[np.isfinite(difference)]
    if not len(difference):
        return Gain(float("nan"), float("nan"), float("nan"))
    lots = np.random.default_rng(seed)
    picks = lots.integers(len(difference), size=(RESAMPLES, len(difference)))
    means: Scores = difference[picks].mean(1)
    low, high = np.quantile(means, 0.025), np.quantile(means, 0.975)
    return Gain(float(difference.mean()), float(low), float(high))
