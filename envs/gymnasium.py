"""Gymnasium's envs as games of ours: the picture is seen, a reply names an action, and what the env pays is kept.

    picture ─▶ <answer>left</answer> ─▶ action 0 ─▶ env.step ─▶ picture, paid -0.05 ─▶ … ─▶ done, paid 1

The task says which world (framework/data/gymnasium.py); the reward `env_return` hands on what was paid.
"""

from typing import Any

from pydantic import Field, field_validator, model_validator

from framework.chat.grammar import Grammar, plain
from framework.config import Fault
from framework.env import Rules
from framework.errors import NoExpert
from framework.gymnasium_world import World
from framework.types import Action, Answer, Malformed, Observation, Past, Picture, Reply, Role, Task, Video
from framework.vision import inline
from framework.vision.plan import Look
from framework.worker import Worker


class Gymnasium(Rules):
    """An env of Gymnasium with discrete actions, each of which has a name here."""

    max_turns: int = 16
    grammar: Grammar = Grammar(actions=("answer",))
    actions: tuple[str, ...] = Field(min_length=1)
    """What its actions are called, from the first on; a reply says one of them as its answer."""
    look: Look = Look()
    """How large its picture is shown."""
    prompt: str = "{question}\n"
    """How it is put, with {question} and {actions} in their places."""

    @field_validator("actions")
    @classmethod
    def _can_be_told_apart(cls, actions: tuple[str, ...]) -> tuple[str, ...]:
        if len({plain(action) for action in actions} - {""}) < len(actions):
            raise Fault((), f"{list(actions)} will not do; each action needs a name of its own")
        return actions

    @model_validator(mode="after")
    def _answers_name_an_action(self) -> "Gymnasium":
        if self.grammar.words not in ((), self.actions):
            raise Fault(("grammar", "words"), "are env.actions; say them there")
        return self._derive(grammar=self.grammar.model_copy(update={"words": self.actions}))

    def make(self, task: Task) -> "GymnasiumGame":
        return GymnasiumGame(self, task)

    def number(self, action: Action) -> int | None:
        """The action that is meant, as the env counts them."""
        return self.grammar.word(action.parsed) if isinstance(action.parsed, Answer) else None

    def expert(self, task: Task) -> "Shadow":
        """Does as the env's own `expert()` does, where it has one: a method that gives the next action."""
        return Shadow(self, task)


class GymnasiumGame:
    """The world is opened, played and closed in one thread."""

    def __init__(self, rules: Gymnasium, task: Task) -> None:
        self.rules, self.task = rules, task
        self.worker = Worker("world")
        self.world: World | None = None
        self.turns = 0

    async def start(self) -> Observation:
        image = await self.worker.does(self._opened)
        names = ", ".join(self.rules.actions)
        asked = self.rules.prompt.replace("{question}", self.task.question).replace("{actions}", names)
        return Observation((asked, "Step 0: ", self.shown(image), "\n"))

    async def step(self, action: Action) -> Observation:
        if isinstance(action.parsed, Malformed):
            return Observation((f"That could not be read: {action.parsed.reason}.\n",))
        number = self.rules.number(action)
        assert number is not None, "the rules let through what is no action"
        image, paid, done = await self.worker.does(self._stepped, number)
        self.turns += 1
        if done:
            return Observation((), done=True, paid=paid)
        return Observation((f"Step {self.turns}: ", self.shown(image), "\n"), paid=paid)

    async def close(self) -> None:
        await self.worker.ends(self._closed)

    def shown(self, image: Video) -> Picture:
        return self.rules.look.picture(image, 0, Role.DETAIL, self.rules.sight.unit)

    # ---- in its thread -----------------------------------------------------------------------------------------------

    def _opened(self) -> Video:
        self.world = World(self.task.truth.world)
        self._fits(self.world)
        return inline.video(self.world.opening())

    def _stepped(self, number: int) -> tuple[Video, float, bool]:
        assert self.world is not None, "a game is started before it is played"
        image, paid, done = self.world.step(first(self.world) + number)
        return inline.video(image), paid, done

    def _closed(self) -> None:
        if self.world is not None:
            self.world.close()

    def _fits(self, world: World) -> None:
        """Has every action a name?"""
        space: Any = world.env.action_space
        count = getattr(space, "n", None)
        if count is None:
            raise ValueError(
                f"{world.id}: its actions are {space}; only discrete ones can be said by name; take another env"
            )
        if count != len(self.rules.actions):
            raise ValueError(f"{world.id}: has {count} actions, env.actions names {len(self.rules.actions)}; name each")


class Shadow:
    """Plays in a world of its own beside the game, and says what the env's own expert does there."""

    def __init__(self, rules: Gymnasium, task: Task) -> None:
        self.rules, self.world = rules, World(task.truth.world)
        if not hasattr(self.world.env.unwrapped, "expert"):
            self.world.close()
            raise NoExpert(f"{self.world.id} has no expert; play it with --policy random or human, or write expert()")

    async def act(self, past: Past, seen: Observation) -> Reply:
        number = self.rules.number(past[-1].said) if past else None
        if not past:
            self.world.opening()
        elif number is not None:
            self.world.step(first(self.world) + number)
        env: Any = self.world.env.unwrapped
        name = self.rules.actions[int(env.expert()) - first(self.world)]
        return Reply(self.rules.grammar.write(Answer(text=name), lambda _: None))


def first(world: World) -> int:
    """The number of the first action."""
    space: Any = world.env.action_space
    return int(getattr(space, "start", 0))
