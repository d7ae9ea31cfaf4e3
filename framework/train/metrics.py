"""What the episodes of a batch come to in numbers, and what the batches of one step come to together.

reward/mean, reward/std, reward/<part>/mean     over the episodes that have one
drawing/tokens, drawing/loss                    tokens that drew, and how far from the truth: BCE + Dice
drawing/spots, drawing/encoded                  frames drawn on, each once, and frames encoded for it: no more
advantage/zero_groups                           share of groups that teach nothing, since their rewards agree
episodes/answered … malformed, error            how they ended: six shares that make one; error: the env failed
episodes/unscored                               share that was played and has no reward, since a part of it is broken
episodes/dropped                                error + unscored: share of which nothing is learned
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from framework.advantage import totals, zero_groups
from framework.errors import TrainError
from framework.rubric import part_means
from framework.train.tracker import OURS
from framework.types import Episode, RewardBreakdown, Stop

Metrics = dict[str, float]

ADDED = (
    "drawing/tokens",
    "drawing/spots",
    "drawing/encoded",
    "episodes/count",
    "images/rolled_out",
    "images/trained",
    "time/reward_s",
)
LARGEST = ("logprob_gap/max", "time/stall_s")


def measured(
    episodes: Sequence[Episode],
    earned: Sequence[RewardBreakdown],
    extras: Sequence[Mapping[str, Any]],
    groups: Sequence[str],
) -> Metrics:
    """Of one batch. `extras` are what the players sent along; a task that was drawn twice has two groups."""
    rewards = totals(earned)
    if np.isnan(rewards).all():
        reasons = {str(failure) for each in earned for failure in each.failures.values()}
        raise TrainError(f"not one of {len(earned)} episodes could be scored: {'; '.join(sorted(reasons))[:500]}")
    stops = [episode.stop for episode in episodes]
    unscored = sum(each.total is None and stop is not Stop.ERROR for each, stop in zip(earned, stops, strict=True))
    return {
        "reward/mean": float(np.nanmean(rewards)),
        "reward/std": float(np.nanstd(rewards)),
        **{f"reward/{name}/mean": value for name, value in part_means(earned).items()},
        "advantage/zero_groups": zero_groups(rewards, groups),
        "episodes/count": float(len(episodes)),
        **{f"episodes/{stop.value}": stops.count(stop) / len(stops) for stop in Stop},
        "episodes/unscored": unscored / len(stops),
        "episodes/dropped": float(np.isnan(rewards).mean()),
        "turns/mean": float(np.mean([len(episode.turns) for episode in episodes])),
        "images/rolled_out": float(sum(len(extra["hashes"]) for extra in extras)),
        "time/stall_s": max(float(extra["stall_s"]) for extra in extras),
    }


def together(batches: Sequence[Mapping[str, Any]]) -> Metrics:
    """Of a step that learned from several batches. verl guesses from a name what to do, and averages counts."""
    names = dict.fromkeys(name for batch in batches for name in batch if name.startswith(OURS))
    return {name: _one(name, [batch for batch in batches if name in batch]) for name in names}


def _one(name: str, batches: Sequence[Mapping[str, Any]]) -> float:
    values = [float(batch[name]) for batch in batches]
    if name in ADDED:
        return sum(values)
    if name in LARGEST:
        return max(values)
    return float(np.average(values, weights=[batch["episodes/count"] for batch in batches]))
