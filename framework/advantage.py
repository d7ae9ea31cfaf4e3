"""From the rewards of a group to advantages: pure functions on arrays.

    rewards  .2  .8 | .5  .5        groups  a  a | b  b
    grpo    −.7  .7 |  0   0        a group that agrees teaches nothing

A reward of NaN is an episode that must not be learned from: it gets 0 and does not move its group.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from framework.line import Values
from framework.types import RewardBreakdown

Estimator = Callable[[Values, Sequence[str]], Values]

EPSILON = 1e-6


def grpo(rewards: Values, groups: Sequence[str]) -> Values:
    """(r − mean) / (std + ε) within the group, std with n − 1."""
    centred, group = _centred(rewards, groups)
    count = np.bincount(group, np.isfinite(rewards))
    spread = np.sqrt(np.bincount(group, centred**2) / np.maximum(count - 1, 1))
    return centred / (spread[group] + EPSILON)


def dr_grpo(rewards: Values, groups: Sequence[str]) -> Values:
    """r − mean within the group: no division, so that easy and hard tasks are not weighed up."""
    return _centred(rewards, groups)[0]


def rloo(rewards: Values, groups: Sequence[str]) -> Values:
    """r − mean of the others in the group."""
    centred, group = _centred(rewards, groups)
    count = np.bincount(group, np.isfinite(rewards))[group]
    return centred * count / np.maximum(count - 1, 1)


def gdpo(rewards: Values, groups: Sequence[str]) -> Values:
    """(r − mean) / (std + ε) over all groups, of terms that `joined` has summed: arXiv 2601.05242."""
    return grpo(rewards, ["all"] * len(groups))


ADVANTAGES: dict[str, Estimator] = {"grpo": grpo, "dr_grpo": dr_grpo, "rloo": rloo, "gdpo": gdpo}
VERLS = (
    *("gae", "gpg", "grpo_passk", "grpo_vectorized", "opo", "optimal_token_baseline", "reinforce_plus_plus"),
    *("reinforce_plus_plus_baseline", "remax", "rloo_vectorized", "tir_optimal_token_baseline"),
)
"""Those that only verl computes, in training."""


def ours(name: str) -> str:
    """The estimator that stands for one of this name where verl is not asked."""
    return name if name in ADVANTAGES else "grpo"


def totals(earned: Sequence[RewardBreakdown]) -> Values:
    """NaN where there is none."""
    return np.array([np.nan if each.total is None else each.total for each in earned], np.float64)


def joined(name: str, earned: Sequence[RewardBreakdown], weights: Mapping[str, float], groups: Sequence[str]) -> Values:
    """What the estimator of this name is given: totals, but for gdpo the terms, joined anew."""
    found = totals(earned)
    return by_term(earned, weights, groups, np.isfinite(found)) if name == "gdpo" else found


def by_term(
    earned: Sequence[RewardBreakdown], weights: Mapping[str, float], groups: Sequence[str], known: NDArray[np.bool_]
) -> Values:
    """Σ |weight| · (term − mean) / (std + ε), each term within its group first, so that none drowns another."""
    sum_ = np.zeros(len(earned))
    for name, weight in weights.items():
        term = np.array([each.terms.get(name, np.nan) for each in earned], np.float64)
        sum_ += abs(weight) * grpo(np.where(known, term, np.nan), groups)
    return np.where(known, sum_, np.nan)


def zero_groups(rewards: Values, groups: Sequence[str]) -> float:
    """The share of groups whose rewards all agree."""
    centred, group = _centred(rewards, groups)
    return float(np.mean(np.bincount(group, np.abs(centred)) < EPSILON)) if len(group) else 0.0


def _centred(rewards: Values, groups: Sequence[str]) -> tuple[Values, NDArray[np.intp]]:
    """Rewards less their group's mean (0 where NaN), and each episode's group as a number."""
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    known = np.isfinite(rewards)
    filled = np.where(known, rewards, 0.0)
    mean = np.bincount(group, filled) / np.maximum(np.bincount(group, known), 1)
    return np.where(known, filled - mean[group], 0.0), group
