"""A game for each dataset: where one stage learns several kinds of task.

timelens/train/v1/0  ─▶ locate        when is it?
mevis/train/v1/0     ─▶ single_turn   draw it
"""

from typing import Annotated

from pydantic import Field, model_validator

from envs.single_turn import SingleTurn
from framework.config import Fault, Name, SerializeAsAny, chosen
from framework.env import Env, Rules, unheard
from framework.policy import Policy
from framework.types import Task

Game = Annotated[SerializeAsAny[Rules], chosen("env")]


OWN = ("grammar", "on_malformed", "force_answer", "deadline_s")
"""What each game settles for itself."""


class ByDataset(Rules):
    """A task is played by the game of the dataset with which its id begins; what is told first is the same for all."""

    of: dict[Name, Game] = Field(default_factory=dict[Name, Game])
    """Dataset → its game."""
    others: Game = SingleTurn()
    """The game of all other datasets."""

    @model_validator(mode="after")
    def _lasts_as_long_as_the_longest(self) -> "ByDataset":
        for name, game in {**self.of, "others": self.others}.items():
            if game.system:
                path = ("others", "system") if name == "others" else ("of", name, "system")
                raise Fault(path, "is never said; every game begins with env.system")
        longest = max(game.max_turns for game in (*self.of.values(), self.others))
        counts = {name: getattr(self.others, name) for name in OWN} | {"max_turns": longest}
        if name := unheard(self, **counts):
            raise Fault((name,), f"is each game's own; say it there, as in env.others.{name}")
        return self._derive(max_turns=longest, grammar=self.others.grammar)

    def game(self, task: Task) -> Rules:
        """They see as this env does, and begin as it does."""
        rules = self.of.get(task.id.partition("/")[0], self.others)
        return rules.model_copy(update={"sight": self.sight, "system": self.system}).game(task)

    def make(self, task: Task) -> Env:
        return self.game(task).make(task)

    def expert(self, task: Task) -> Policy:
        return self.game(task).expert(task)
