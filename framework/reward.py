"""A reward reads finished episodes and gives a number to each.

A reward scores many episodes at once, so arrays do the work and a whole group can be seen:

    def __call__(self, episodes):
        return [float(episode.answer is not None) for episode in episodes]

Where it has no number it says why: Malformed (the reply), NotApplicable (the task), Broken (our machinery). What
becomes of its numbers, and of its failures, is the recipe's choice; framework/rubric.py does it.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self, TypeVar, cast

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError, model_validator

from framework.config import Fault, Name, SerializeAsAny, Settings, chosen
from framework.line import Points
from framework.registry import table
from framework.schedule import Schedule
from framework.types import Broken, Episode, Failure, Malformed, NotApplicable

FAILURES = (Malformed, NotApplicable, Broken)

T = TypeVar("T")
OnFailure = Literal["zero", "skip", "drop_group", "raise"]
"""It counts 0; it is left out of the formula; nothing of the group is learned from; the run stops."""


class Batch(tuple[Episode, ...]):
    """Episodes that several rewards look at: what more than one of them needs is made once, and ends with the batch."""

    made: dict[Callable[..., Any], Any]

    def __new__(cls, episodes: Iterable[Episode]) -> Self:
        batch = super().__new__(cls, episodes)
        batch.made = {}
        return batch


def shared(make: Callable[[Sequence[Episode]], T], episodes: Sequence[Episode]) -> T:
    """What `make` makes of these episodes; of a Batch, once for all rewards."""
    if not isinstance(episodes, Batch):
        return make(episodes)
    if make not in episodes.made:
        episodes.made[make] = make(episodes)
    return episodes.made[make]


class Reward(Settings):
    """One number about each episode. Fields are its settings; the class is its name."""

    weight: float = 1.0
    """Its share of the total."""
    shape: Points = ()
    """Points (number, what it counts): straight lines between them, flat beyond. [[0.4, 0], [0.9, 1.5]]"""
    clamp: tuple[float, float] | None = None
    """What it counts is kept within these."""
    only_if: dict[Name, float] = Field(default_factory=dict[Name, float])
    """It counts only if each of these other rewards is at least so much; left out of the formula otherwise."""
    multiplies: tuple[str, ...] = ()
    """It is no term of the sum but a factor of these terms, or of the whole: [total]."""
    over_steps: dict[str, Schedule] = Field(default_factory=dict[str, Schedule])
    """Settings of this reward that change while training: {weight: {at: {0: 0, 1000: 0.5}}}."""
    on_malformed: OnFailure = "zero"
    """What a reply means that this reward cannot read."""
    on_not_applicable: OnFailure = "skip"
    """What a task means that has nothing to be measured."""
    on_broken: Literal["drop_group", "raise"] = "drop_group"
    """What a failure of our own means. It is never a number."""

    @abstractmethod
    def __call__(self, episodes: Sequence[Episode]) -> Sequence[float | Failure]: ...

    def at(self, step: int) -> Self:
        """This reward as it is at one step of training."""
        if not self.over_steps:
            return self
        return self.model_copy(update={name: each.value(step) for name, each in self.over_steps.items()})

    @model_validator(mode="after")
    def _can_be_clamped(self) -> Self:
        if self.clamp and self.clamp[0] > self.clamp[1]:
            raise Fault(("clamp",), f"{list(self.clamp)} will not do; the lower bound comes first")
        return self

    @model_validator(mode="after")
    def _can_be_scheduled(self) -> Self:
        fields = type(self).model_fields
        changing = sorted(name for name, field in fields.items() if field.annotation is float)
        for name, schedule in self.over_steps.items():
            if name not in changing:
                raise Fault(("over_steps", name), f"cannot change over steps; these can: {', '.join(changing)}")
            bounds: Any = Annotated[(float, *fields[name].metadata)] if fields[name].metadata else float
            for step, value in schedule.at.items():
                try:
                    TypeAdapter(bounds).validate_python(value)
                except ValidationError as error:
                    said = error.errors()[0]["msg"].removeprefix("Input should be ")
                    path = ("over_steps", name, "at", step)
                    raise Fault(path, f"{value:g} will not do; it should be {said}") from None
        return self


class TurnReward(Reward):
    """One number about each turn of an episode, shaped and clamped turn by turn; together they make the episode's."""

    over_turns: Literal["last", "first", "mean", "sum", "most"] = "last"
    """Which turn counts, or how those that have a number are joined."""
    paid: Literal["outcome", "turn", "span"] = "outcome"
    """Where it lands among the tokens: all on the last one, each turn's share on the last token of its reply, or spread
    evenly over the reply. Estimators that look at one number an episode (grpo, rloo …) see no difference."""

    @abstractmethod
    def of_turns(self, episodes: Sequence[Episode]) -> Sequence[Sequence[float | Failure]]:
        """Per episode, a number or a failure for each of its turns."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        return [self.joined(turns) for turns in self.of_turns(episodes)]

    def joined(self, turns: Sequence[float | Failure]) -> float | Failure:
        """The episode's number. Where our machinery failed for one turn, it failed."""
        shares = self.shares(turns)
        return shares if isinstance(shares, FAILURES) else float(sum(shares))

    def shares(self, turns: Sequence[float | Failure]) -> list[float] | Failure:
        """What each turn adds to the episode's number."""
        numbers = {place: each for place, each in enumerate(turns) if not isinstance(each, FAILURES)}
        failures = [each for each in turns if isinstance(each, FAILURES)]
        if broken := next((each for each in failures if isinstance(each, Broken)), None):
            return broken
        if not turns:
            return Malformed("nothing was said")
        match self.over_turns:
            case "last" | "first":
                chosen = {len(turns) - 1 if self.over_turns == "last" else 0}
            case "most":
                chosen = {max(numbers, key=lambda place: numbers[place])} if numbers else set[int]()
            case "mean" | "sum":
                chosen = set(numbers)
        if not chosen & numbers.keys():
            return failures[-1] if self.over_turns == "last" else failures[0]
        among = len(chosen) if self.over_turns == "mean" else 1
        return [numbers[place] / among if place in chosen else 0.0 for place in range(len(turns))]


def part(kind: type[Reward] = Reward) -> Any:
    """The type annotation of a reward within another, chosen by name: it has settings, but no say in the formula.

    `of: Annotated[SerializeAsAny[TurnReward], part(TurnReward)]` takes {"use": "mask_iou", "where": "keyframe"}.
    """
    without = [*(TurnReward if issubclass(kind, TurnReward) else Reward).model_fields, "paid"]

    def choose(given: Any) -> Any:
        reward: Reward = chosen("reward").func(given)
        if not isinstance(reward, kind):
            there = ", ".join(sorted(name for name, each in table("reward").items() if issubclass(each, kind)))
            raise Fault((), f"{type(reward).__name__} will not do; there are: {there}")
        fields = type(reward).model_fields
        for name in without:
            if name in fields and getattr(reward, name) != fields[name].get_default(call_default_factory=True):
                raise Fault((name,), "has no meaning for a reward within another; set it for the outer one")
        return reward

    return BeforeValidator(choose)


def _no_slip(given: Any) -> Any:
    """A part without `use` that is called almost like another was meant to change that one."""
    parts = cast(dict[Any, Any], given if isinstance(given, dict) else {})
    slips = {str(name) for name, each in parts.items() if isinstance(each, dict) and "use" not in each}
    for name in sorted(slips):
        if near := get_close_matches(name, {*map(str, parts)} - slips, n=1):
            raise Fault((name,), f"is no part of this recipe; did you mean {near[0]!r}? (a new one says `use: NAME`)")
    return cast(Any, given)


Rewards = Annotated[dict[Name, Annotated[SerializeAsAny[Reward], chosen("reward")]], BeforeValidator(_no_slip)]
"""The `rewards:` section of a recipe: name → part."""
