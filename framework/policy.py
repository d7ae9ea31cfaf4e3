"""A policy says the next thing. On a cluster it is vLLM; in a test it is a list of strings; it may be a person."""

from collections.abc import Callable
from typing import Protocol

from framework.env import Rules, shown
from framework.types import Answer, Observation, Past, Reply, Select, Task, Zoom


class Policy(Protocol):
    async def act(self, past: Past, seen: Observation) -> Reply: ...


Player = Callable[[Task, Rules, int], Policy]
"""Makes the policy of one episode of this game, from its task and a seed."""


class Scripted:
    """Says these lines in order, and the last one again if it is asked more often."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines

    async def act(self, past: Past, seen: Observation) -> Reply:
        return Reply(self.lines[min(len(past), len(self.lines) - 1)])


class Doing:
    """Does these actions in order, said as the rules will read them from what was shown; the last one for ever."""

    def __init__(self, rules: Rules, task: Task, *actions: Select | Zoom | Answer) -> None:
        self.rules, self.task, self.actions = rules, task, actions

    async def act(self, past: Past, seen: Observation) -> Reply:
        action = self.actions[min(len(past), len(self.actions) - 1)]
        return Reply(self.rules.grammar.write(action, self.rules.place(self.task, shown(past, seen))))


class Human:
    """A person at the terminal, who is shown where the pictures lie."""

    def __init__(self, show: Callable[[Observation], str], ask: Callable[[str], str] = input) -> None:
        self.show, self.ask = show, ask

    async def act(self, past: Past, seen: Observation) -> Reply:
        prompt = f"\n{self.show(seen)}\nturn {len(past) + 1} ▸ "
        return Reply(self.ask(prompt))  # not in a thread: Ctrl-C could not end it there
