"""Stored episodes under another recipe: what each would have earned, and what would have been learned from it.

    episodes.jsonl, eval/, train/ ─┬▶ earned then ─┐
                                   └▶ Rubric, now ─┴▶ means by part, order within groups, advantages that turn

No model is asked and nothing is played again.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.advantage import ADVANTAGES, EPSILON, Values, joined, ours, totals
from framework.errors import UserError
from framework.figures import names, signed
from framework.recipe import Recipe
from framework.record import Entry
from framework.types import RewardBreakdown, Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One episode, then and now."""

    entry: Entry
    place: int
    """Where it stands among those that were scored."""
    group: str
    before: RewardBreakdown
    after: RewardBreakdown
    advantages: tuple[float, float]
    """Then and now; 0 where nothing is learned."""

    @property
    def totals(self) -> tuple[float, float]:
        """Then and now; NaN where there is none."""
        then, now = self.before.total, self.after.total
        return float("nan") if then is None else then, float("nan") if now is None else now

    @property
    def turned(self) -> bool:
        """What was made likelier is made less likely, or the other way about."""
        then, now = self.advantages
        return min(then, now) < -EPSILON and max(then, now) > EPSILON

    @property
    def why(self) -> str:
        """The part whose share of the total changed most, and by how much."""
        then, now = self.before.terms, self.after.terms
        if not then:  # an old record says only the parts' own numbers
            then, now = self.before.parts, self.after.parts
        moved = {name: now.get(name, 0.0) - then.get(name, 0.0) for name in {**then, **now}}
        name = max(moved, key=lambda each: abs(moved[each]), default="")
        return f"{name} {signed(moved[name])}" if name and abs(moved[name]) > EPSILON else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Means of one part, then and now; None where no episode has it."""

    name: str
    numbers: tuple[float | None, float | None]
    """Its own number."""
    adds: tuple[float | None, float | None]
    """What it adds to the total."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescored:
    """What another recipe makes of stored episodes."""

    changes: Sequence[Change]
    parts: Sequence[Part]
    """The total comes last."""
    groups: int
    order: float | None
    """Mean rank correlation of the totals within groups, then against now; None if no group tells."""
    ordered: int
    """Groups that tell: not settled then nor now."""
    settled: tuple[int, int]
    """Groups in which all agree: nothing is learned from them."""
    estimator: str
    left_out: int
    """Entries that were never scored, or failed for our reasons."""

    @property
    def turned(self) -> int:
        return sum(change.turned for change in self.changes)

    @property
    def most(self) -> list[Change]:
        """The episodes whose advantage changes most; of those alike, whose total does."""
        return sorted(self.changes, key=lambda each: (-_apart(each.advantages), -_apart(each.totals), each.place))


def rescore(entries: Sequence[Entry], recipe: Recipe) -> Rescored:
    """All entries that were scored, under this recipe."""
    kept = [entry for entry in entries if _scored(entry)]
    if not kept:
        raise UserError("no stored episode has a reward to compare with; play some, as in: limner play quickstart")
    groups = [f"{entry.stage} · {entry.group}" if entry.stage else entry.group for entry in kept]
    before = [entry.earned for entry in kept if entry.earned]
    after = _scores(kept, groups, recipe)
    estimator = ours(recipe.algorithm.advantage)
    weights = dict.fromkeys(names(each.parts for each in before), 1.0) | recipe.rubric.weights()
    then = _advantages(estimator, before, weights, groups)
    now = _advantages(estimator, after, weights, groups)
    learned = _as_learned(kept, groups, then)
    rows = zip(kept, groups, before, after, learned.tolist(), now.tolist(), strict=True)
    changes = [
        Change(entry=entry, place=place, group=group, before=was, after=is_, advantages=(a, b))
        for place, (entry, group, was, is_, a, b) in enumerate(rows)
    ]
    paid, pays = totals(before), totals(after)
    correlations = _order(paid, pays, groups)
    return Rescored(
        changes=changes,
        parts=_parts(before, after),
        groups=len(set(groups)),
        order=float(np.mean(correlations)) if correlations else None,
        ordered=len(correlations),
        settled=(_settled(paid, groups), _settled(pays, groups)),
        estimator=estimator,
        left_out=len(entries) - len(kept),
    )


def _scored(entry: Entry) -> bool:
    return entry.earned is not None and entry.episode.stop is not Stop.ERROR


def _scores(entries: Sequence[Entry], groups: Sequence[str], recipe: Recipe) -> list[RewardBreakdown]:
    """Each at the step of training at which it was played, since settings may change over steps."""
    steps: dict[int, list[int]] = defaultdict(list)
    for place, entry in enumerate(entries):
        said = re.search(r"step (\d+)$", entry.stage)
        steps[int(said[1]) if said else 0].append(place)
    found: dict[int, RewardBreakdown] = {}
    for step, places in steps.items():
        episodes = [entries[place].episode for place in places]
        earned = recipe.rubric.score(episodes, step, [groups[place] for place in places])
        found |= dict(zip(places, earned, strict=True))
    return [found[place] for place in range(len(entries))]


# ---- what would be learned -------------------------------------------------------------------------------------------


def _advantages(
    estimator: str, earned: Sequence[RewardBreakdown], weights: Mapping[str, float], groups: Sequence[str]
) -> Values:
    return ADVANTAGES[estimator](joined(estimator, earned, weights, groups), groups)


def _as_learned(entries: Sequence[Entry], groups: Sequence[str], usual: Values) -> Values:
    """Of groups that were learned from, what was; of the others, what would have been."""
    lacking = {group for entry, group in zip(entries, groups, strict=True) if entry.advantage is None}
    pairs = zip(entries, groups, usual.tolist(), strict=True)
    return np.array([each if group in lacking else entry.advantage for entry, group, each in pairs], np.float64)


def _order(before: Values, after: Values, groups: Sequence[str]) -> list[float]:
    """Spearman's correlation of each group that has an order then and now."""
    both = np.isfinite(before) & np.isfinite(after)
    found: list[float] = []
    for places in _places(groups):
        there = places[both[places]]
        then, now = ranks(before[there]), ranks(after[there])
        if len(there) > 1 and np.ptp(then) and np.ptp(now):
            found.append(float(np.corrcoef(then, now)[0, 1]))
    return found


def ranks(values: Values) -> Values:
    """The place of each among all, from 1; equals share one.

    >>> ranks(np.array([0.5, 0.1, 0.5])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, which, counts = np.unique(np.round(values, 9), return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[which]


def _settled(totals: Values, groups: Sequence[str]) -> int:
    spreads = [totals[places][np.isfinite(totals[places])] for places in _places(groups)]
    return sum(len(each) > 1 and float(np.ptp(each)) < EPSILON for each in spreads)


def _places(groups: Sequence[str]) -> list[NDArray[np.intp]]:
    """Where the episodes of each group stand."""
    _, which = np.unique(np.asarray(groups), return_inverse=True)
    return [np.flatnonzero(which == group) for group in range(which.max() + 1)]


# ---- means -----------------------------------------------------------------------------------------------------------


def _parts(before: Sequence[RewardBreakdown], after: Sequence[RewardBreakdown]) -> list[Part]:
    parts = [
        Part(
            name=name,
            numbers=(_mean([each.parts.get(name) for each in before]), _mean([each.parts.get(name) for each in after])),
            adds=(_mean([each.terms.get(name) for each in before]), _mean([each.terms.get(name) for each in after])),
        )
        for name in names(each.parts for each in [*before, *after])
    ]
    totals = _mean([each.total for each in before]), _mean([each.total for each in after])
    return [*parts, Part(name="total", numbers=totals, adds=totals)]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _apart(pair: tuple[float, float]) -> float:
    return abs(pair[1] - pair[0]) if np.isfinite(pair).all() else 0.0
