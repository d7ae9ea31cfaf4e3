"""A reward reads finished episodes and gives a number to each; a Rubric weighs several.

A reward scores many episodes at once, so arrays do the work and a whole group can be seen:

    def __call__(self, episodes):
        return [float(episode.answer is not None) for episode in episodes]

Where it has no number it says why: Malformed (the reply), NotApplicable (the task), Broken (our machinery).
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from framework.config import Name, SerializeAsAny, Settings, chosen
from framework.errors import UserError
from framework.types import Broken, Episode, Failure, Malformed, NotApplicable, RewardBreakdown, Stop


class Reward(Settings):
    """One number about each episode. Fields are its settings; the class is its name."""

    weight: float = 1.0
    """Its share of the total."""
    on_malformed: Literal["zero", "skip"] = "zero"
    """A reply this reward cannot read counts 0, or the part is left out of the sum."""

    @abstractmethod
    def __call__(self, episodes: Sequence[Episode]) -> Sequence[float | Failure]: ...


class Rubric:
    """The rewards of a recipe by their names, and the formula that joins them: Σ weight · part."""

    def __init__(self, rewards: Mapping[str, Reward]) -> None:
        self.rewards = dict(rewards)

    def formula(self) -> str:
        """The total in words: "0.1·form + 0.9·iou"."""
        return " + ".join(f"{reward.weight:g}·{name}" for name, reward in self.rewards.items())

    def score(self, episodes: Sequence[Episode]) -> list[RewardBreakdown]:
        """One breakdown per episode, in order. An episode that failed for our reasons is never scored."""
        sound = [episode for episode in episodes if episode.stop is not Stop.ERROR]
        columns = {name: self._column(name, reward, sound) for name, reward in self.rewards.items()}
        scored = iter(
            [self._breakdown({name: column[i] for name, column in columns.items()}) for i in range(len(sound))]
        )
        return [next(scored) if episode.stop is not Stop.ERROR else _lost(episode) for episode in episodes]

    def _column(self, name: str, reward: Reward, episodes: Sequence[Episode]) -> Sequence[float | Failure]:
        column: Sequence[float | Failure] = reward(episodes) if episodes else []
        if len(column) != len(episodes):
            raise UserError(f"reward {name!r} gave {len(column)} values for {len(episodes)} episodes; give one each")
        return [_checked(value) for value in column]

    def _breakdown(self, values: Mapping[str, float | Failure]) -> RewardBreakdown:
        failures = {name: value for name, value in values.items() if isinstance(value, FAILURES)}
        parts = {name: value for name, value in values.items() if not isinstance(value, FAILURES)}
        for name, failure in failures.items():
            if isinstance(failure, Malformed) and self.rewards[name].on_malformed == "zero":
                parts[name] = 0.0
        broken = any(isinstance(failure, Broken) for failure in failures.values())
        total = sum((self.rewards[name].weight * part for name, part in parts.items()), 0.0)
        return RewardBreakdown(parts=parts, failures=failures, total=None if broken else total)


FAILURES = (Malformed, NotApplicable, Broken)


def _checked(value: float | Failure) -> float | Failure:
    if isinstance(value, FAILURES):
        return value
    number = float(value)
    return number if abs(number) < float("inf") else Broken(f"the reward gave {number}")


def _lost(episode: Episode) -> RewardBreakdown:
    return RewardBreakdown(parts={}, failures={"episode": Broken(episode.error)}, total=None)


Rewards = dict[Name, Annotated[SerializeAsAny[Reward], chosen("reward")]]
"""The `rewards:` section of a recipe: name → part."""
