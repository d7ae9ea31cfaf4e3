"""Is a reward alive? What each part said of some episodes; and where that teaches nothing, the likely cause.

earned ─▶ vitals: constant? without number? do groups agree? at its top? does it follow length?
episodes, read otherwise ─▶ cause: "with boxes read as fractions of the picture it would be 0.62"
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from framework.advantage import EPSILON, Values, zero_groups
from framework.env import Rules
from framework.proof.misreading import likely
from framework.reward import Reward
from framework.types import Broken, Episode, Failure, Malformed, RewardBreakdown, Stop

FAINT = 0.05
"""A reward whose numbers stay below this says nothing yet, though they may differ."""
FOLLOWS = 0.9
"""A correlation with length from which on length may be all that is paid."""
LENGTHS = 8
"""Fewer different lengths prove nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vital:
    """What one part told of some episodes."""

    episodes: int
    numbers: int
    """Episodes that have a number; one that could not be read may count 0."""
    mean: float = 0.0
    least: float = 0.0
    most: float = 0.0
    unread: float = 0.0
    """The share of episodes that it could not read."""
    broken: float = 0.0
    """The share of episodes for which our machinery failed."""
    settled: float = 0.0
    """The share of groups of two or more in which all numbers agree: nothing is learned from it there."""
    top: float = 1.0
    """The share of numbers that are its greatest."""
    length: float | None = None
    """How far it follows the length of what was said, −1 … 1; None if either stands still."""
    lengths: int = 0
    """How many different lengths there were."""
    why: str = ""
    """The commonest reason for which it has no number of its own."""

    @property
    def constant(self) -> bool:
        return self.numbers > 0 and self.most - self.least < EPSILON

    @property
    def zero(self) -> bool:
        return self.constant and abs(self.most) < EPSILON

    @property
    def faint(self) -> bool:
        """All but nothing is given."""
        return self.numbers > 0 and max(abs(self.mean), self.most / 4) < FAINT


def vitals(
    names: Sequence[str], episodes: Sequence[Episode], earned: Sequence[RewardBreakdown], groups: Sequence[str]
) -> dict[str, Vital]:
    """Each part, over the episodes that were played; those that failed for our reasons say nothing about rewards."""
    played = [place for place, episode in enumerate(episodes) if episode.stop is not Stop.ERROR]
    lengths = np.array([length(episodes[place]) for place in played], np.float64)
    of = [groups[place] for place in played]
    return {name: _vital(name, [earned[place] for place in played], lengths, of) for name in names}


def _vital(name: str, earned: Sequence[RewardBreakdown], lengths: Values, groups: Sequence[str]) -> Vital:
    values = np.array([each.parts.get(name, np.nan) for each in earned], np.float64)
    failures = [each.failures[name] for each in earned if name in each.failures]
    known = np.isfinite(values)
    some, lengths = values[known], lengths[known]
    count = max(len(earned), 1)
    vital = Vital(
        episodes=len(earned),
        numbers=len(some),
        unread=sum(isinstance(each, Malformed) for each in failures) / count,
        broken=sum(isinstance(each, Broken) for each in failures) / count,
        why=_commonest(failures),
    )
    if not len(some):
        return vital
    return replace(
        vital,
        mean=float(some.mean()),
        least=float(some.min()),
        most=float(some.max()),
        settled=_settled(values, groups),
        top=np.count_nonzero(some > some.max() - EPSILON) / len(some),
        length=_together(some, lengths),
        lengths=len(np.unique(lengths)),
    )


def _settled(values: Values, groups: Sequence[str]) -> float:
    sizes = Counter(groups)
    several = np.array([sizes[group] > 1 for group in groups], bool)
    return zero_groups(values[several], [group for group in groups if sizes[group] > 1])


def length(episode: Episode) -> int:
    """How much was said: in tokens if a model said it, else in characters."""
    tokens = [turn.said.tokens for turn in episode.turns]
    known = [each for each in tokens if each is not None]
    return sum(known) if len(known) == len(tokens) else sum(len(turn.said.text) for turn in episode.turns)


def _together(values: Values, lengths: Values) -> float | None:
    if np.ptp(values) < EPSILON or np.ptp(lengths) == 0:
        return None
    return float(np.corrcoef(values, lengths)[0, 1])


def _commonest(failures: Sequence[Failure]) -> str:
    """Broken before what could not be read, and that before what does not apply; then by number."""
    worst = max(failures, key=lambda each: (isinstance(each, Broken), isinstance(each, Malformed)), default=None)
    counted = Counter(each.reason for each in failures if type(each) is type(worst))
    return counted.most_common(1)[0][0] if counted else ""


def unreadable(episodes: Sequence[Episode]) -> float:
    """The share of episodes with a reply that is no action."""
    bad = [any(isinstance(turn.said.parsed, Malformed) for turn in episode.turns) for episode in episodes]
    return float(np.mean(bad)) if bad else 0.0


def metrics(found: Mapping[str, Vital], episodes: Sequence[Episode]) -> dict[str, float]:
    """What is kept of a step."""
    told = {"alive/unreadable": unreadable(episodes)}
    for name, vital in found.items():
        told[f"alive/{name}/failed"] = vital.unread + vital.broken
        if vital.numbers:
            told |= {f"alive/{name}/settled": vital.settled, f"alive/{name}/top": vital.top}
        if vital.length is not None:
            told[f"alive/{name}/length"] = vital.length
    return told


# ---- in words --------------------------------------------------------------------------------------------------------


def verdict(vital: Vital) -> str:
    """What is wrong with a part, in a few words; empty if nothing is."""
    if vital.broken:
        return f"broken for {vital.broken:.0%}: {vital.why}"
    if not vital.numbers:
        return f"never given: {vital.why}" if vital.why else "never given"
    if vital.unread > 0.5:
        return f"cannot read {vital.unread:.0%}: {vital.why}"
    if vital.zero:
        return "always 0"
    if vital.constant:
        return f"constant: always {vital.most:.3g}, it teaches nothing here"
    if vital.settled == 1:
        return "agrees within every group: it teaches nothing here"
    if vital.length is not None and abs(vital.length) >= FOLLOWS and vital.lengths >= LENGTHS:
        return f"follows length: r = {vital.length:.2f}"
    return ""


def ill(vital: Vital) -> bool:
    """Is it worth a warning while training? A part that everyone has mastered is not."""
    mastered = vital.constant and vital.most > FAINT and not vital.unread
    return vital.faint or (bool(verdict(vital)) and not mastered)


def warnings(
    rewards: Mapping[str, Reward],
    episodes: Sequence[Episode],
    earned: Sequence[RewardBreakdown],
    groups: Sequence[str],
    rules: Rules | None = None,
) -> dict[str, str]:
    """One plain line about each part that is not alive, with the likely cause. `rules` read what was said again."""
    found = vitals(list(rewards), episodes, earned, groups)
    told: dict[str, str] = {}
    for name, vital in found.items():
        said, cause = verdict(vital), _cause(rewards[name], vital, episodes, rules) if ill(vital) else ""
        if ill(vital) and (said or cause):
            told[name] = f"rewards.{name}: {': '.join(filter(None, [said or f'{vital.mean:.3f} on average', cause]))}"
    return told | _unmet(rewards, earned, told)


def _cause(reward: Reward, vital: Vital, episodes: Sequence[Episode], rules: Rules | None) -> str:
    """Where the machinery failed it has said why; what is constant or unread may be told by reading it otherwise."""
    if vital.broken or not (vital.faint or vital.constant or vital.unread > 0.5):
        return ""
    return likely(reward, [episode for episode in episodes if episode.stop is not Stop.ERROR], rules)


def _unmet(rewards: Mapping[str, Reward], earned: Sequence[RewardBreakdown], told: Mapping[str, str]) -> dict[str, str]:
    """Parts that have numbers, but whose condition never holds."""
    lines: dict[str, str] = {}
    for name, reward in rewards.items():
        for other, least in reward.only_if.items():
            met = any(each.parts.get(other, -np.inf) >= least for each in earned)
            if not met and name not in told and earned:
                lines[name] = f"rewards.{name}: never counts: {other} is never {least:g} or more (only_if)"
    return lines
