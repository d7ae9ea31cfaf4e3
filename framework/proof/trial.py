"""Rewards on trial: the gold answers and what each part gives them, and what each part is about.

    gold 1.0 ─┬▶ control "box": all right but the box      place 0.0     so `place` is about boxes
              └▶ trick whole_image: all right but the box  place 0.22    of gold: more than a fifth

A part is held only against tricks about what it is itself about, as the controls show.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from framework.proof.case import Case, Rest
from framework.proof.tricks import CONTROLS, GOLDS, TRICKS, USUAL, Aspect, better, plain
from framework.reward import Reward
from framework.rubric import TOTAL, Rubric
from framework.types import Episode, RewardBreakdown

Values = NDArray[np.float64]
Played = Sequence[Episode | None]
"""One for each case; None where there is nothing to play."""
Earned = Sequence[RewardBreakdown | None]

KEPT = 0.8
"""A part that keeps this share when all is said plainly wrong is about form alone."""
NOTHING = 1e-6


class Trial:
    """Rewards before some cases."""

    def __init__(self, rewards: Mapping[str, Reward], cases: Sequence[Case]) -> None:
        self.cases = cases
        self.rewards = {name: lenient(reward) for name, reward in rewards.items()}
        self.rubric = Rubric(self.rewards)
        self.terms = [name for name, reward in self.rewards.items() if not reward.multiplies and reward.weight > 0]
        """Parts that may be earned; a factor is tried with the total."""
        self.tricked: dict[tuple[str, Rest], Played] = {}
        self.golds = [self.play(gold) for gold in GOLDS]
        self.wrong = self.trick("", "wrong")
        self.prose = self.play(CONTROLS["form"])

    def play(self, make: Callable[[Case], Episode | None]) -> list[Episode | None]:
        return [make(case) for case in self.cases]

    def trick(self, name: str, rest: Rest) -> Played:
        """A trick played on every case, everything else being right, wrong or guessed; remembered once it is played."""
        if (name, rest) not in self.tricked:
            make = TRICKS[name].make if name else plain
            self.tricked[name, rest] = self.play(lambda case: make(case, rest))
        return self.tricked[name, rest]

    def scored(self, played: Played, beside: Played) -> list[RewardBreakdown | None]:
        """What each earns; it is scored in one group with the episode `beside` it, for rewards that compare."""
        pairs = [(place, one, other) for place, (one, other) in enumerate(zip(played, beside, strict=True)) if one]
        episodes = [one for _, one, _ in pairs] + [other for _, _, other in pairs if other]
        groups = [str(place) for place, _, _ in pairs] + [str(place) for place, _, other in pairs if other]
        earned = dict(zip([place for place, _, _ in pairs], self.rubric.score(episodes, groups=groups), strict=False))
        return [earned.get(place) for place in range(len(self.cases))]

    # ---- what is gold ------------------------------------------------------------------------------------------------

    @cached_property
    def gilded(self) -> list[list[RewardBreakdown | None]]:
        """What each of the gold answers earns, in one group with a reply that is mere prose."""
        return [self.scored(played, self.prose) for played in self.golds]

    @cached_property
    def gold(self) -> dict[str, Values]:
        """What the gold answer earns in each case, in total and by part: the most that any of the GOLDS earns. For the
        total `better` does not count, which draws badly until its last turn."""
        rows = {name: [column(earned, name) for earned in self.gilded] for name in (TOTAL, *self.terms)}
        rows[TOTAL] = [row for row, make in zip(rows[TOTAL], GOLDS, strict=True) if make is not better]
        return {name: np.fmax.reduce(np.array(each)) for name, each in rows.items()}

    def mean(self, name: str) -> float:
        """What the gold answer earns; 0 if it has no number in any case."""
        known = self.gold[name][np.isfinite(self.gold[name])]
        return float(known.mean()) if len(known) else 0.0

    def share(self, earned: Earned, name: str) -> float | None:
        """What was earned, as a share of what the gold answer earns in the same cases. None if neither earns anything
        or no case has both numbers; infinite if only the gold answer earns nothing."""
        values, gold = column(earned, name), self.gold[name]
        known = np.isfinite(values) & np.isfinite(gold)
        if not known.any():
            return None
        value, most = float(values[known].mean()), float(gold[known].mean())
        if most > NOTHING:
            return value / most
        return math.inf if value > NOTHING else None

    # ---- what a part is about ----------------------------------------------------------------------------------------

    @cached_property
    def about(self) -> dict[str, list[Aspect]]:
        """For each part the aspects that it measures: it gives next to nothing where only that aspect is wrong."""
        controls: dict[Aspect, Earned] = {
            aspect: self.scored(self.play(make), self.golds[0]) for aspect, make in CONTROLS.items()
        }
        plain = self.scored(self.wrong, self.golds[0])
        return {name: self._about(name, controls, plain) for name in self.terms}

    def _about(self, name: str, controls: Mapping[Aspect, Earned], plain: Earned) -> list[Aspect]:
        shares: dict[Aspect, float | None] = {aspect: self.share(earned, name) for aspect, earned in controls.items()}
        found: list[Aspect] = [aspect for aspect, share in shares.items() if share is not None and share <= USUAL]
        if "progress" in found:  # without progress it gives nothing, whatever else is right
            return ["progress"]
        if "form" in found and (self.share(plain, name) or 0.0) < KEPT:
            found.remove("form")  # without a reply there is nothing to be right
            return found or ["any"]
        return found


def lenient(reward: Reward) -> Reward:
    """The same reward, whose failures never end the trial and never drop a group: the gold answer may be in it."""
    changes: dict[str, str] = {}
    if reward.on_malformed in ("drop_group", "raise"):
        changes["on_malformed"] = "zero"
    if reward.on_not_applicable in ("drop_group", "raise"):
        changes["on_not_applicable"] = "skip"
    if reward.on_broken == "raise":
        changes["on_broken"] = "drop_group"
    return reward.model_copy(update=changes)


def column(earned: Earned, name: str) -> Values:
    """What each earned in total or by one part; NaN where it was not played or has no number."""
    if name == TOTAL:
        values = [each.total if each else None for each in earned]
    else:
        values = [each.terms.get(name) if each else None for each in earned]
    return np.array([np.nan if value is None else value for value in values], np.float64)
