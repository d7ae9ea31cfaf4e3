"""The rewards of a recipe and the formula that joins them.

    rewards:
      format:   {use: strict_format}                                     format
      place:    {use: box_iou, weight: 3, only_if: {format: 1}}            + 3·place·[format ≥ 1]
      length:   {use: soft_length, multiplies: [total]}                  , all that times length

A part is a reward's own number; a term is what it adds to the total. A part that has no number, or whose condition does
not hold, is left out: as a term it adds nothing, as a factor it changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework import asking
from framework.config import Fault
from framework.errors import RewardError
from framework.figures import names
from framework.line import Values, along
from framework.registry import nearest
from framework.reward import FAILURES, Batch, OnFailure, Reward, TurnReward
from framework.types import Broken, Episode, Failure, Malformed, NotApplicable, RewardBreakdown, Stop

TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Column:
    """One reward's numbers about some episodes."""

    values: Values
    """NaN where there is none."""
    counts: Values
    """The same after shape and clamp."""
    failures: Mapping[int, Failure]
    shares: Mapping[int, Sequence[float]]
    """Of rewards that are paid turn by turn: what each turn adds to what counts."""


class Rubric:
    """The rewards of a recipe by their names."""

    def __init__(self, rewards: Mapping[str, Reward]) -> None:
        self.rewards = dict(rewards)
        _check(self.rewards)

    def formula(self) -> str:
        """The total in words: "0.1·form + 0.9·iou"."""
        terms = [
            _term(name, reward, self._factors(name)) for name, reward in self.rewards.items() if not reward.multiplies
        ]
        factors = [_factor(name, reward) for name, reward in self.rewards.items() if TOTAL in reward.multiplies]
        sum_ = " + ".join(terms) or "0"
        return " · ".join([f"({sum_})", *factors]) if factors else sum_

    def weights(self, step: int = 0) -> dict[str, float]:
        """The weight of each term."""
        return {name: reward.at(step).weight for name, reward in self.rewards.items() if not reward.multiplies}

    def score(
        self, episodes: Sequence[Episode], step: int = 0, groups: Sequence[str] | None = None
    ) -> list[RewardBreakdown]:
        """One breakdown per episode, in order. An episode that failed for our reasons is never scored.

        `step` is that of the rl stage, for settings that change; episodes of one group are of one task if not said.
        """
        sound = [place for place, episode in enumerate(episodes) if episode.stop is not Stop.ERROR]
        played = Batch(episodes[place] for place in sound)
        of = [groups[place] if groups else episodes[place].task.id for place in sound]
        scored = dict(zip(sound, self._score(played, step, of), strict=True))
        return [scored.get(place) or _lost(episode) for place, episode in enumerate(episodes)]

    def _score(self, episodes: Sequence[Episode], step: int, groups: Sequence[str]) -> list[RewardBreakdown]:
        if not episodes:
            return []
        rewards = {name: reward.at(step) for name, reward in self.rewards.items()}
        columns = {name: _column(name, reward, episodes) for name, reward in rewards.items()}
        dropped = _dropped(rewards, columns, groups)
        scales = {name: self._scale(name, rewards, columns) for name in rewards}
        there = {name: _there(name, rewards, columns) for name in rewards}
        terms = {
            name: np.where(there[name], scales[name] * columns[name].counts, 0.0)
            for name, reward in rewards.items()
            if not reward.multiplies
        }
        totals = sum(terms.values(), np.zeros(len(episodes)))
        plain = {name: column.values.tolist() for name, column in columns.items()}
        added = {name: term.tolist() for name, term in terms.items()}
        failed = {name: column.failures for name, column in columns.items() if column.failures}
        paid = {name: columns[name].shares for name in added if columns[name].shares}
        return [
            RewardBreakdown(
                parts={name: values[i] for name, values in plain.items() if values[i] == values[i]},
                failures={name: failures[i] for name, failures in failed.items() if i in failures},
                terms={name: term[i] for name, term in added.items()},
                turns={
                    name: tuple(float(scales[name][i] * share) for share in shares[i])
                    for name, shares in paid.items()
                    if i in shares and there[name][i]
                },
                total=None if lost else total,
            )
            for i, (total, lost) in enumerate(zip(totals.tolist(), dropped, strict=True))
        ]

    def _factors(self, name: str) -> list[str]:
        return [_factor(other, reward) for other, reward in self.rewards.items() if name in reward.multiplies]

    def _scale(self, name: str, rewards: Mapping[str, Reward], columns: Mapping[str, Column]) -> Values:
        """What a term is multiplied by: its weight and its factors."""
        scale = np.full(len(columns[name].values), rewards[name].weight)
        for other, reward in rewards.items():
            if name in reward.multiplies or TOTAL in reward.multiplies:
                there = _there(other, rewards, columns)
                scale = scale * np.where(there, reward.weight * columns[other].counts, 1.0)
        return scale


def _check(rewards: Mapping[str, Reward]) -> None:
    """Raises Fault if a reward names another, in `only_if` or `multiplies`, that is not there or will not do."""
    if TOTAL in rewards:
        raise Fault(("rewards", TOTAL), "is the name of the sum; give this reward another")
    for name, reward in rewards.items():
        for other in reward.only_if:
            _check_other(other, name, "only_if", rewards)
        for other in reward.multiplies:
            _check_other(other, name, "multiplies", [*rewards, TOTAL])
            if other != TOTAL and rewards[other].multiplies:
                said = f"{other!r} is a factor itself; name the terms it multiplies"
                raise Fault(("rewards", name, "multiplies"), said)


def _check_other(other: str, name: str, setting: str, there: Iterable[str]) -> None:
    others = [each for each in there if each != name]
    if other not in others:
        raise Fault(("rewards", name, setting), f"no other reward {other!r}; {nearest(other, others)}")


def _column(name: str, reward: Reward, episodes: Sequence[Episode]) -> Column:
    """What a reward says of these episodes. A failure counts what the reward's `on_…` settings say: 0, or no number.

    Raises UserError if it does not say something of each episode, and RewardError where it raises or a failure ends
    the run.
    """
    shares: dict[int, Sequence[float]] = {}
    said = asking.values(name, reward, episodes)
    if isinstance(reward, TurnReward):
        turns = asking.by_turns(name, said, episodes)
        said = [reward.joined(each) for each in turns]
        for place, each in enumerate(_shaped_turns(reward, turns)):
            if not isinstance(found := reward.shares(each), FAILURES):
                shares[place] = found
    checked = [asking.checked(name, each) for each in said]
    failures = {place: each for place, each in enumerate(checked) if isinstance(each, FAILURES)}
    numbers = [_number(name, reward, each) if isinstance(each, FAILURES) else each for each in checked]
    values = np.array(numbers, np.float64)
    counts = _shaped(reward, values)
    if not isinstance(reward, TurnReward):
        return Column(values, counts, failures, {})
    for place, each in shares.items():
        counts[place] = sum(each)
    return Column(values, counts, failures, {} if reward.paid == "outcome" else shares)


def _shaped_turns(
    reward: TurnReward, turns: Sequence[Sequence[float | Failure]]
) -> Sequence[Sequence[float | Failure]]:
    """Each turn's numbers after shape and clamp: of rewards by turns these act before the turns are joined."""
    if not reward.shape and not reward.clamp:
        return turns
    numbers = [number for each in turns for number in each if not isinstance(number, FAILURES)]
    shaped = iter(_shaped(reward, np.array(numbers, np.float64)).tolist())
    return [[number if isinstance(number, FAILURES) else next(shaped) for number in each] for each in turns]


def _number(name: str, reward: Reward, failure: Failure) -> float:
    """What a failure counts: 0, or nothing."""
    on = _on(reward, failure)
    if on == "raise":
        raise RewardError(f"rewards.{name}: {type(failure).__name__}: {failure.reason}")
    return 0.0 if on == "zero" else float("nan")


def _on(reward: Reward, failure: Failure) -> OnFailure:
    match failure:
        case Malformed():
            return reward.on_malformed
        case NotApplicable():
            return reward.on_not_applicable
        case Broken():
            return reward.on_broken


def _shaped(reward: Reward, values: Values) -> Values:
    values = along(reward.shape, values)
    return np.clip(values, *reward.clamp) if reward.clamp else values


def _there(name: str, rewards: Mapping[str, Reward], columns: Mapping[str, Column]) -> NDArray[np.bool_]:
    """Where a reward has a number and its conditions hold; a condition without a number does not."""
    there = np.isfinite(columns[name].values)
    for other, least in rewards[name].only_if.items():
        there = there & (columns[other].values >= least)  # NaN is not
    return there


def _dropped(rewards: Mapping[str, Reward], columns: Mapping[str, Column], groups: Sequence[str]) -> NDArray[np.bool_]:
    """Which episodes are of a group that a failure drops: nothing is learned from it."""
    lost = {
        groups[place]
        for name, column in columns.items()
        for place, failure in column.failures.items()
        if _on(rewards[name], failure) == "drop_group"
    }
    return np.array([group in lost for group in groups], bool)


def _lost(episode: Episode) -> RewardBreakdown:
    return RewardBreakdown(parts={}, failures={"episode": Broken(episode.error)}, total=None)


def part_means(earned: Sequence[RewardBreakdown]) -> dict[str, float]:
    """The mean of each reward's own number over the episodes that have one, in the order in which parts come up."""
    there = names(each.parts for each in earned)
    return {name: float(np.mean([each.parts[name] for each in earned if name in each.parts])) for name in there}


# ---- in words --------------------------------------------------------------------------------------------------------


def _term(name: str, reward: Reward, factors: Sequence[str]) -> str:
    return "·".join([_weight(reward), *factors, _counted(name, reward)])


def _factor(name: str, reward: Reward) -> str:
    said = _weight(reward)
    return _counted(name, reward) if said == "1" else f"{said}·{_counted(name, reward)}"


def _weight(reward: Reward) -> str:
    changes = reward.over_steps.get("weight")
    return f"({changes})" if changes else f"{reward.weight:g}"


def _counted(name: str, reward: Reward) -> str:
    """A reward's number with all that is done to it."""
    if reward.shape:
        name = f"line({name}: {', '.join(f'{number:g} → {counts:g}' for number, counts in reward.shape)})"
    if reward.clamp:
        name = f"clamp({name}, {reward.clamp[0]:g} … {reward.clamp[1]:g})"
    return name + "".join(f"·[{other} ≥ {least:g}]" for other, least in reward.only_if.items())
