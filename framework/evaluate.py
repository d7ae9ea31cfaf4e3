"""A recipe's held-out tasks, played by everyone who is compared, under the training's own env, parser and rewards.

    tasks ─┬▶ expert, random, …    ─┐
           ├▶ cold_start, rl       ─┼▶ scores per task ─▶ means, paired intervals, tables by kind ─▶ eval.json
           └▶ rl, its eyes tampered ─┘

`blind` must answer before it looks, `blanked` is shown grey where it looked, `shuffled` sees another task's clip: a
policy that has learned to look loses by each of them.
"""

import asyncio
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from framework.chat.thought import thought_tokens
from framework.conduct import empty_keyframes, turns_used, unread_replies
from framework.env import Rules
from framework.errors import DataError
from framework.policy import Player
from framework.rollout import play
from framework.rubric import Rubric
from framework.tracing import Draws
from framework.training import TRAINED
from framework.types import Broken, Episode, Malformed, NotApplicable, RewardBreakdown, Stop, Task

Scores = NDArray[np.float64]
TOGETHER = 256
"""Episodes in play at one time."""
RESAMPLES = 10_000
"""Draws of the bootstrap."""
CONDUCT = {each.__name__: each for each in (turns_used, unread_replies, empty_keyframes)}


@dataclass(frozen=True, slots=True)
class Arena:
    """How everyone is played with, and judged."""

    rules: Rules
    rubric: Rubric
    score_name: str
    """The reward part that is the score."""
    tracer: Draws | None = None
    """Makes masks of what was answered."""


@dataclass(frozen=True, slots=True)
class Played:
    """What one player made of all tasks: [tasks] episodes, or several rounds of them."""

    rounds: tuple[tuple[Episode, ...], ...]
    rewards: tuple[tuple[RewardBreakdown, ...], ...]
    score_name: str

    def scores(self) -> Scores:
        """The score of each task, its mean over rounds; 0 where there is none.

        NaN where in every round there was nothing to be measured, as on a task without truth, or our machinery failed:
        that says nothing of who played, and is left out of every mean.
        """
        return mean_known(np.array([[self._score(row) for row in each] for each in self.rewards]))

    def _score(self, earned: RewardBreakdown) -> float:
        nothing = isinstance(earned.failures.get(self.score_name), NotApplicable)
        return earned.parts.get(self.score_name, np.nan if nothing or lost(earned, self.score_name) else 0.0)

    def lost(self) -> list[str]:
        """Of each task of the first round, why there is no score; empty if our machinery is not to blame."""
        return [lost(row, self.score_name) for row in self.rewards[0]]

    def thoughts(self) -> Scores:
        """The tokens that were thought about each task, their mean over rounds."""
        rows = [[sum(thought_tokens(turn.said) for turn in game.turns) for game in each] for each in self.rounds]
        return np.array(rows, np.float64).mean(0)

    def parts(self) -> dict[str, float]:
        """The mean of each reward part over the episodes that have it."""
        rows = [row.parts for each in self.rewards for row in each]
        names = sorted({name for row in rows for name in row})
        return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}

    def well_formed(self) -> float:
        """The share of episodes in which every reply was an action."""
        return float(np.mean([_readable(episode) for episode in self.sound])) if self.sound else float("nan")

    @property
    def sound(self) -> list[Episode]:
        """Those that were played to their end."""
        return [episode for each in self.rounds for episode in each if episode.stop is not Stop.ERROR]


def mean_known(rows: Scores) -> Scores:
    """Of each column, over the rows that have a number there; NaN where none has."""
    return np.nansum(rows, 0) / np.where(np.isnan(rows).all(0), np.nan, np.isfinite(rows).sum(0))


def lost(earned: RewardBreakdown, score_name: str) -> str:
    """Why our machinery has no score; empty if it is not to blame."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One player in the table."""

    score: float
    sampled_score: float | None = None
    well_formed: float
    sampled_well_formed: float | None = None
    thought_tokens: float | None = None
    """How much was thought about a task; None in an evaluation that did not say."""
    turns_used: float | None = None
    unread_replies: float | None = None
    empty_keyframes: float | None = None
    """How it was played: framework/conduct.py; None in an evaluation that did not say."""
    parts: Mapping[str, float] = field(default_factory=dict[str, float])
    by_kind: Mapping[str, float] = field(default_factory=dict[str, float])
    lost: float = 0.0
    """The share of episodes that are in none of these numbers, since our machinery failed."""


def row(tasks: Sequence[Task], greedy: Played, sampled: Played | None = None) -> Row:
    kinds = np.array([task.truth.kind for task in tasks])
    scores = greedy.scores()
    return Row(
        score=_mean(scores),
        sampled_score=_mean(sampled.scores()) if sampled else None,
        well_formed=greedy.well_formed(),
        sampled_well_formed=sampled.well_formed() if sampled else None,
        thought_tokens=float(greedy.thoughts().mean()),
        **{name: measure(greedy.sound) for name, measure in CONDUCT.items()},
        parts=greedy.parts(),
        by_kind={str(kind): _mean(scores[kinds == kind]) for kind in np.unique(kinds)},
        lost=float(np.mean([bool(reason) for reason in greedy.lost()])),
    )


def _mean(scores: Scores) -> float:
    """Of those that there are; NaN if there are none."""
    there = scores[np.isfinite(scores)]
    return float(there.mean()) if len(there) else float("nan")


SAID = ("score", "sampled_score", "well_formed", "sampled_well_formed", "thought_tokens", *CONDUCT)
COLUMNS = (*SAID, "lost_share", "by_kind")
"""What eval.json says of everyone, beside the parts of a reward; no part may be called so."""


def write(
    path: Path, score_name: str, seed: int, tasks: Sequence[Task], rows: Mapping[str, Row], gains: Mapping[str, Gain]
) -> None:
    """eval.json: the table, and what training gained (greedy, and sampled within it)."""
    found: dict[str, Any] = {"n": len(tasks), "tasks": _digest(tasks), "seed": seed, "score_name": score_name}
    found["policies"] = {
        name: {
            **{column: getattr(each, column) for column in SAID},
            **({"lost_share": each.lost} if each.lost else {}),
            **each.parts,
            "by_kind": dict(each.by_kind),
        }
        for name, each in rows.items()
    }
    as_plain = {name: {"mean": each.mean, "low": each.low, "high": each.high} for name, each in gains.items()}
    if "greedy" in as_plain:
        found["gain"] = as_plain["greedy"] | ({"sampled": as_plain["sampled"]} if "sampled" in as_plain else {})
    path.write_text(json.dumps(plain(found), indent=2, allow_nan=False) + "\n")


def plain(found: Any) -> Any:
    """What json can say: no number is null."""
    if isinstance(found, dict):
        return {key: plain(value) for key, value in cast(dict[str, Any], found).items()}
    if isinstance(found, Sequence) and not isinstance(found, str):
        return [plain(each) for each in cast(Sequence[Any], found)]
    return None if isinstance(found, float) and math.isnan(found) else found


def _digest(tasks: Sequence[Task]) -> str:
    return hashlib.blake2b("\n".join(task.id for task in tasks).encode(), digest_size=8).hexdigest()


# ---- and back --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an eval.json says."""

    score_name: str
    tasks: int
    rows: Mapping[str, Row]
    gains: Mapping[str, Gain]
    """greedy and sampled, where there were two models."""
    seed: int = 0
    digest: str = ""
    """Which tasks they were; empty in an evaluation that did not say."""

    @property
    def models(self) -> list[str]:
        """Those who have been trained, in that order."""
        return [name for name in TRAINED if name in self.rows]


def read(path: Path) -> Verdict:
    """What was written there."""
    try:
        found = json.loads(path.read_text())
        rows = {name: _row(dict(each)) for name, each in found["policies"].items()}
        gains = {"greedy": found["gain"], "sampled": found["gain"].get("sampled")} if "gain" in found else {}
        drawn = {
            name: Gain(*(_number(each[end]) for end in ("mean", "low", "high"))) for name, each in gains.items() if each
        }
        return Verdict(found["score_name"], found["n"], rows, drawn, found["seed"], found.get("tasks", ""))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: {type(error).__name__}: {error}; `limner eval RECIPE` writes it anew") from None


def _row(found: dict[str, Any]) -> Row:
    own = {name: found.pop(name) for name in ("score", "sampled_score", "well_formed", "by_kind")}
    for name in ("sampled_well_formed", "thought_tokens", *CONDUCT):
        own[name] = found.pop(name, None)  # an older evaluation did not say it
    for name in ("score", "well_formed"):
        own[name] = _number(own[name])
    own["by_kind"] = {kind: _number(value) for kind, value in own["by_kind"].items()}
    own["lost"] = found.pop("lost_share", 0.0)
    return Row(**own, parts={name: float(value) for name, value in found.items()})


def _number(said: float | None) -> float:
    """Null is no number."""
    return float("nan") if said is None else said
