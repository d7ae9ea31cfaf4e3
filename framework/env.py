"""An env is a game about one task: it shows, the policy says, it shows again.

The rules (frozen settings, safe to pickle) stand apart from the game in play (made for one task, used once):

    rules = Keyframes(max_turns=3)          one for a whole run
    game = rules.make(task)                 one for an episode: start, step, step, …, close
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field, field_validator

from framework.chat.grammar import Grammar
from framework.chat.spelling import Place
from framework.config import Fault, Settings
from framework.errors import LimnerError, NoExpert, UserError
from framework.fault import short
from framework.policy import Policy
from framework.registry import raised
from framework.types import Action, Malformed, Observation, Past, Picture, Reply, Task
from framework.vision.boxes import Space

Coordinates = Annotated[int, Field(ge=2)] | Literal["pixels"]
"""Positions are said as 0 … this over the picture, or as pixels of the picture as it was shown."""


class Env(Protocol):
    """One game, played once. There is no reset: make another."""

    async def start(self) -> Observation: ...

    async def step(self, action: Action) -> Observation: ...

    async def close(self) -> None: ...


class Sight(Settings):
    """What a game must know of the eyes and the speech of its player. The recipe copies it from the reasoner."""

    unit: int = Field(default=28, ge=1)
    """Pixels along one side of a visual token: sizes are multiples of it."""
    coordinates: Coordinates = 1000
    """How positions are said."""

    def said_on(self, picture: Picture) -> Space:
        """The space in which the player speaks of positions on a picture it was shown."""
        if self.coordinates == "pixels":
            return picture.space
        return picture.space.counted_in(self.coordinates, self.coordinates)


class Rules(Settings):
    """The rules of a game."""

    system: str = ""
    """What the policy is told before the first observation."""
    max_turns: int = 3
    """The policy speaks at most this often."""
    grammar: Grammar = Grammar()
    """How replies are read."""
    on_malformed: Literal["stop", "ask_again"] = "stop"
    """What follows a reply that is no action: the end, or its reason and another turn."""
    force_answer: bool = False
    """Tell the policy on its last turn that it must answer now."""
    deadline_s: float = Field(default=30.0, gt=0)
    """Seconds that start, step and close may each take."""
    sight: Sight = Sight()
    """Filled in from the reasoner by the recipe."""

    @field_validator("max_turns")
    @classmethod
    def _lets_it_speak(cls, turns: int) -> int:
        """Said here, and not of the field: a game that has another default says the field anew."""
        if turns < 1:
            raise Fault((), f"{turns} will not do; it should be at least 1")
        return turns

    @abstractmethod
    def make(self, task: Task) -> Env:
        """A fresh game about `task`."""

    def game(self, task: Task) -> "Rules":
        """The rules by which this task is played, where each task has its own."""
        return self

    def expert(self, task: Task) -> Policy:
        """A policy that knows the truth; tests, demonstrations and `limner play` use it."""
        raise NoExpert(f"{type(self).__name__} has no expert; play it with --policy random or human, or write expert()")

    def read(self, reply: Reply, task: Task, past: Past, seen: Observation) -> Action:
        """What a reply means at this point of the game."""
        if reply.cut_off:
            parsed = Malformed("cut off at the length limit")
        else:
            place = self.place(task, shown(past, seen))
            parsed = self.grammar.parse(reply.text, task.video.length, place)
        return Action(reply.text, parsed, reply.cut_off, reply.tokens, reply.thought)

    def place(self, task: Task, pictures: Sequence[Picture]) -> Place:
        """How positions are said, given the pictures shown so far: the newest picture of a frame counts."""
        newest: dict[int | None, Picture] = {picture.frame: picture for picture in pictures}
        if pictures:
            newest[None] = pictures[-1]

        def where(frame: int | None) -> Space | None:
            picture = newest.get(frame)
            if picture is not None:
                return self.said_on(picture)
            if frame is None or self.sight.coordinates == "pixels":
                return None
            return task.video.space(frame).counted_in(self.sight.coordinates, self.sight.coordinates)

        return where

    def said_on(self, picture: Picture) -> Space:
        """The space in which the policy speaks of positions on a picture it was shown."""
        return self.sight.said_on(picture)


def expert_of(rules: Rules, task: Task) -> Policy | None:
    """A policy that knows the truth, if this game has one, and this task a truth for it."""
    try:
        return knowing(rules, task)
    except NoExpert:
        return None


def knowing(rules: Rules, task: Task) -> Policy:
    """The same, or why there is none. It may be a user's own code: what that raises is shown as theirs."""
    where = f"{type(rules).__name__}.expert, task {task.id}"
    try:
        found = rules.expert(task)
    except LimnerError:
        raise
    except Exception as error:
        remedy = "let it raise NoExpert for a task whose truth lacks what it needs"
        raise UserError(f"{where}: {raised(error)}; {remedy}") from None
    if not hasattr(found, "act"):
        raise UserError(f"{where}: gave {short(found)}; give a policy, as framework.player.Doing(self, task, …)")
    return found


def unheard(rules: Rules, **counts: Any) -> str:
    """The first of these settings that says something of its own, though another game's counts; empty if none does.

    What is usual, or agrees with what counts, may stand there.
    """
    for name, counting in counts.items():
        usual = type(rules).model_fields[name].get_default(call_default_factory=True)
        if getattr(rules, name) not in (usual, counting):
            return name
    return ""


def shown(past: Past, seen: Observation) -> list[Picture]:
    """Every picture the policy has been shown, oldest first."""
    return [picture for turn in past for picture in turn.seen.pictures] + list(seen.pictures)
