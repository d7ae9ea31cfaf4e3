"""The loop. Every episode, in a test, at a terminal or on a cluster, is played by these lines."""

from collections.abc import Awaitable
from dataclasses import replace
from inspect import isawaitable
from typing import Any, TypeVar

from framework.env import Env, Rules
from framework.errors import EnvError, PolicyError
from framework.fault import short
from framework.policy import Policy
from framework.types import Episode, Malformed, Observation, Picture, Stop, Task, Turn
from framework.worker import deadline

T = TypeVar("T")
URGED = "Answer now.\n"
"""Shown at the end of the last observation, if the rules say `force_answer`."""


async def play(task: Task, rules: Rules, policy: Policy) -> Episode:
    """Play `task` to its end.

    If the env fails, or a policy that plays from elsewhere gives no reply (PolicyError), the episode ends as ERROR and
    keeps the turns that there were. Whatever else a policy raises is raised.
    """
    turns: list[Turn] = []
    rules = rules.game(task)

    def ended(stop: Stop, error: str = "") -> Episode:
        return Episode(task=task, turns=tuple(turns), stop=stop, error=error)

    try:
        game = await opened(rules, task)
        try:
            seen = await guarded(game.start(), rules, "start", Observation)
            while not seen.done:
                reply = await policy.act(tuple(turns), seen)
                action = rules.read(reply, task, tuple(turns), seen)
                turns.append(Turn(seen, action))
                if action.cut_off:
                    return ended(Stop.LENGTH)
                if isinstance(action.parsed, Malformed) and rules.on_malformed == "stop":
                    return ended(Stop.MALFORMED)
                seen = await guarded(game.step(action), rules, "step", Observation)
                turns[-1] = replace(turns[-1], paid=seen.paid)
                if len(turns) == rules.max_turns and not seen.done:
                    return ended(Stop.TURNS)
                if rules.force_answer and len(turns) == rules.max_turns - 1 and not seen.done:
                    seen = replace(seen, content=(*seen.content, URGED))
            return ended(Stop.ANSWERED)
        finally:
            await guarded(game.close(), rules, "close")
    except (EnvError, PolicyError) as error:
        return ended(Stop.ERROR, str(error))


async def opened(rules: Rules, task: Task) -> Env:
    """A fresh game about a task."""

    async def make() -> Env:
        return rules.make(task)

    game = await guarded(make(), rules, "make")
    if lacking := [name for name in ("start", "step", "close") if not hasattr(game, name)]:
        raise EnvError(f"{type(rules).__name__}.make gave a {type(game).__name__} without {', '.join(lacking)}")
    return game


async def guarded(work: Awaitable[T], rules: Rules, what: str, kind: type[T] | None = None) -> T:
    """What an env's own code gives, awaited for at most `deadline_s`. The one place where whatever it raises is caught.

    Raises EnvError if it raises, takes too long, or gives something that is no `kind`; `what` is the method's name.
    """
    name = type(rules).__name__
    if not isawaitable(work):
        raise EnvError(f"{name}.{what} must be `async def {what}`")
    try:
        async with deadline(rules.deadline_s):
            given = await work
    except TimeoutError:
        raise EnvError(f"{name}.{what} took longer than {rules.deadline_s:g} s (env.deadline_s)") from None
    except Exception as error:
        raise EnvError(f"{name}.{what} raised {type(error).__name__}: {error}") from error
    if kind is not None and not isinstance(given, kind):
        raise EnvError(f"{name}.{what} must return {kind.__name__}, not {type(given).__name__}")
    if isinstance(given, Observation) and (strange := _strange(given.content)):
        raise EnvError(f"{name}.{what} must show texts and Pictures, as Observation((text, picture)), not {strange}")
    return given


def _strange(content: Any) -> str:
    """What an observation should not hold, in words: a text for a tuple (a comma was forgotten) or another thing."""
    if isinstance(content, str):
        return short(content)
    return next((short(part) for part in content if not isinstance(part, str | Picture)), "")
