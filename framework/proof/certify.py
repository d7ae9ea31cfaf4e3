"""Can this reward be fooled? A recipe's rewards on what the expert does, and on every trick there is.

    tasks ─▶ cases ─┬▶ gold ─────▶ earns the most there is?
                    ├▶ tricks ───▶ earn at most a fifth of the gold, in total and in each part that is about them?
                    └▶ laws ─────▶ hold?

What the recipe's `certify:` section allows is told with its reason, and does not fail.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from framework.env import Rules
from framework.errors import DataError, NoExpert, UserError
from framework.proof.allowance import Allowance, Certify
from framework.proof.case import Case
from framework.proof.laws import breaches
from framework.proof.trial import NOTHING, Played, Trial, column
from framework.proof.tricks import TRICKS, USUAL, Trick
from framework.recipe import Recipe
from framework.reward import Reward
from framework.rubric import TOTAL
from framework.types import Broken, Episode, RewardBreakdown, Task

NEARLY = 0.9
"""The gold answer earns at least this share of the range that a part's docstring states: what is said is rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was tried, and what came of it."""

    name: str
    """The trick or law, or "best"."""
    part: str
    """"total", or a part of it."""
    said: str
    fails: bool = False
    because: str = ""
    """Why the recipe allows it."""
    share: float = 0.0
    """Of a trick: what it earns of what the gold answer earns."""
    bound: float = USUAL
    """And what it may earn."""
    episode: Episode | None = None
    """The one that shows it best."""
    earned: RewardBreakdown | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """All that was found."""

    findings: Sequence[Finding]
    cases: int

    @property
    def failures(self) -> list[Finding]:
        return [each for each in self.findings if each.fails]


def certify(recipe: Recipe, tasks: Sequence[Task]) -> Certificate:
    """Try every trick and law on these tasks."""
    trial = Trial(recipe.rewards, cases_of(tasks, recipe))
    tricks = (each for name, trick in TRICKS.items() for each in _tricked(trial, name, trick, recipe.certify))
    return Certificate([*_best(trial, recipe.certify), *tricks, *_lawful(trial, recipe.certify)], len(trial.cases))


def cases_of(tasks: Sequence[Task], recipe: Recipe) -> list[Case]:
    """Tasks that the env's expert can answer."""
    if type(recipe.env).expert is Rules.expert:
        raise UserError(f"{type(recipe.env).__name__} has no expert, whose answers are the gold; write expert()")
    found: list[Case] = []
    fault: UserError | None = None
    for task in tasks:
        try:
            found.append(Case.of(task, recipe.env, recipe.certify.gold))
        except (NoExpert, DataError) as error:
            fault = error
    if not found:
        raise UserError(f"no task has a gold answer: {fault}; give tasks that the env's expert can answer")
    return found


# ---- the gold answer -------------------------------------------------------------------------------------------------


def _best(trial: Trial, allowed: Certify) -> Iterator[Finding]:
    """Where the gold answer does not earn the most there is."""
    exempt = allowed.best.parts if allowed.best else ()
    because = allowed.best.because if allowed.best else ""
    seen, earned = trial.golds[0][0], trial.gilded[0][0]
    lacking = {name: _short_of_the_most(trial, name, reward) for name, reward in trial.rewards.items()}
    if trial.mean(TOTAL) <= NOTHING:
        lacking[TOTAL] = f"gives the gold answer {trial.mean(TOTAL):.3f}"
    for name, said in lacking.items():
        if said:
            fine = name in exempt
            why = because if fine else ""
            yield Finding(name="best", part=name, said=said, fails=not fine, because=why, episode=seen, earned=earned)


def _short_of_the_most(trial: Trial, name: str, reward: Reward) -> str:
    """What the gold answer lacks of the most that this part gives; empty if nothing."""
    golds = [[each for each in row if each] for row in trial.gilded]
    failures = [each.failures[name] for row in golds for each in row if name in each.failures]
    if broken := next((each for each in failures if isinstance(each, Broken)), None):
        return f"is broken: {broken.reason}"
    numbers = [[each.parts[name] for each in row if name in each.parts] for row in golds]
    why = f" ({failures[0].reason})" if failures else ""
    if not any(numbers):
        return f"gives the gold answer no number{why}"
    most = max(float(np.mean(row)) for row in numbers if row)
    low, high = documented(reward) or (0.0, max(most, NOTHING))
    enough = high - (1 - NEARLY) * (high - low)
    pays = name not in trial.terms or trial.mean(name) > NOTHING or high <= 0  # a punishment pays by not being one
    if most >= enough - NOTHING and pays:
        return ""
    return f"gives the gold answer {most:.3f}{f' of at most {high:g}' if high > max(most, NOTHING) else ''}{why}"


def documented(reward: Reward) -> tuple[float, float] | None:
    """The range that a reward's docstring states: "… in [0, 1].", or "1 if …, else 0"."""
    said = (type(reward).__doc__ or "").replace("−", "-")
    if found := re.search(r"\bin\s+\[(-?[\d.]+), (-?[\d.]+)\]", said):
        return float(found[1]), float(found[2])
    return (0.0, 1.0) if re.match(r"1 (if|for)\b", said) else None


# ---- tricks ----------------------------------------------------------------------------------------------------------


def _tricked(trial: Trial, name: str, trick: Trick, allowed: Certify) -> Iterator[Finding]:
    """What a trick earns in total, and in each part that measures what the trick cheats about."""
    allowance: Allowance | None = getattr(allowed, name)
    if trick.bound is not None and _is_seen(trial, trick, played := trial.trick(name, trick.rest_in_total)):
        yield from _found(trial, name, TOTAL, played, trick.bound, allowance)
    if trick.bound == 1:
        return
    played = trial.trick(name, trick.rest_by_part)
    for part in trial.terms if any(played) else ():
        about = trial.about[part]
        if trick.aspect in about or (trick.aspect == "any" and about):
            yield from _found(trial, name, part, played, USUAL, allowance)


def _is_seen(trial: Trial, trick: Trick, played: Played) -> bool:
    """Does this trick change what any part gives? If not, the total comes from elsewhere and says nothing about it."""
    if trick.aspect in ("form", "any"):
        return any(played)
    plain = trial.trick("", trick.rest_in_total)
    with_it, without = trial.scored(played, trial.golds[0]), trial.scored(plain, trial.golds[0])
    pairs = zip(with_it, without, strict=True)
    return any(one is not None and other is not None and one.parts != other.parts for one, other in pairs)


def _found(
    trial: Trial, name: str, part: str, played: Played, usual: float, allowance: Allowance | None
) -> Iterator[Finding]:
    earned = trial.scored(played, trial.golds[0])
    if (share := trial.share(earned, part)) is None:
        return
    bound = allowance.for_(part, usual) if allowance else usual
    worst = int(np.nanargmax(column(earned, part)))
    yield Finding(
        name=name,
        part=part,
        said=_shares(share, bound),
        fails=share > bound + NOTHING,
        because=allowance.because if allowance and share > usual else "",
        share=share,
        bound=bound,
        episode=played[worst],
        earned=earned[worst],
    )


def _shares(share: float, bound: float) -> str:
    earns = f"{share:.0%} of what the gold answer earns" if share < math.inf else "something, the gold answer nothing"
    return f"earns {earns}; {f'{bound:.0%}' if bound < math.inf else 'all'} is allowed"


# ---- laws ------------------------------------------------------------------------------------------------------------


def _lawful(trial: Trial, allowed: Certify) -> Iterator[Finding]:
    """Laws that do not hold."""
    exempt = allowed.laws.parts if allowed.laws else ()
    tried = [trial.wrong, trial.prose, *trial.golds]
    tried += [trial.trick(name, trick.rest_in_total) for name, trick in TRICKS.items()]
    episodes = [each for played in tried for each in played if each]
    long = trial.trick("megabyte", "wrong")[0]
    assert long, "a megabyte can always be said"
    for each in breaches(trial.rewards, trial.cases, episodes, long):
        fine = each.part in exempt
        yield Finding(
            name=each.law,
            part=each.part,
            said=each.said,
            fails=not fine,
            because=allowed.laws.because if allowed.laws and fine else "",
            episode=each.episode,
        )
