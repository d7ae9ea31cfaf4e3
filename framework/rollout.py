"""The loop. Every episode, in a test, at a terminal or on a cluster, is played by these lines."""

from collections.abc import Awaitable
from dataclasses import replace
from typing import TypeVar

from framework.env import Env, Rules
from framework.errors import EnvError, PolicyError
from framework.policy import Policy
from framework.types import Episode, Malformed, Observation, Stop, Task, Turn
from framework.worker import deadline

T = TypeVar("T")
URGED = "Answer now.\n"
"""The last that is shown before the last turn, where the rules say `force_answer`."""


async def play(task: Task, rules: Rules, policy: Policy) -> Episode:
    """Play `task` to its end. An env's failure ends the episode as ERROR and keeps its turns, and so does the silence
    of a policy that plays from elsewhere (PolicyError); whatever else a policy raises is raised."""
    turns: list[Turn] = []
    rules = rules.game(task)

    def ended(stop: Stop, error: str = "") -> Episode:
        return Episode(task=task, turns=tuple(turns), stop=stop, error=error)

    try:
        game = await kept(made(rules, task), rules, "make")
        try:
            seen = await kept(game.start(), rules, "start", Observation)
            while not seen.done:
                reply = await policy.act(tuple(turns), seen)
                action = rules.read(reply, task, tuple(turns), seen)
                turns.append(Turn(seen, action))
                if action.cut_off:
                    return ended(Stop.LENGTH)
                if isinstance(action.parsed, Malformed) and rules.on_malformed == "stop":
                    return ended(Stop.MALFORMED)
                seen = await kept(game.step(action), rules, "step", Observation)
                turns[-1] = replace(turns[-1], paid=seen.paid)
                if len(turns) == rules.max_turns and not seen.done:
                    return ended(Stop.TURNS)
                if rules.force_answer and len(turns) == rules.max_turns - 1 and not seen.done:
                    seen = replace(seen, content=(*seen.content, URGED))
            return ended(Stop.ANSWERED)
        finally:
            await kept(game.close(), rules, "close")
    except (EnvError, PolicyError) as error:
        return ended(Stop.ERROR, str(error))


async def made(rules: Rules, task: Task) -> Env:
    return rules.make(task)


async def kept(promise: Awaitable[T], rules: Rules, what: str, kind: type[T] | None = None) -> T:
    """What an env promised, in time and of the right kind. The one place where anything an env raises is caught."""
    name = type(rules).__name__
    try:
        async with deadline(rules.deadline_s):
            kept = await promise
    except TimeoutError:
        raise EnvError(f"{name}.{what} took longer than {rules.deadline_s:g} s (env.deadline_s)") from None
    except Exception as error:
        raise EnvError(f"{name}.{what} raised {type(error).__name__}: {error}") from error
    if kind is not None and not isinstance(kept, kind):
        raise EnvError(f"{name}.{what} must return {kind.__name__}, not {type(kept).__name__}")
    return kept
