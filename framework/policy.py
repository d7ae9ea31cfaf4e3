"""A policy says the next thing. On a cluster it is vLLM; in a test it is a list of strings; it may be a person."""

from collections.abc import Callable
from typing import Protocol

from framework.types import Observation, Past, Reply


class Policy(Protocol):
    async def act(self, past: Past, seen: Observation) -> Reply: ...


class Scripted:
    """Says these lines in order, and the last one again if it is asked more often."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines

    async def act(self, past: Past, seen: Observation) -> Reply:
        return Reply(self.lines[min(len(past), len(self.lines) - 1)])


class Human:
    """A person at the terminal, who is shown where the pictures lie."""

    def __init__(self, show: Callable[[Observation], str], ask: Callable[[str], str] = input) -> None:
        self.show, self.ask = show, ask

    async def act(self, past: Past, seen: Observation) -> Reply:
        prompt = f"\n{self.show(seen)}\nturn {len(past) + 1} ▸ "
        return Reply(self.ask(prompt))  # not in a thread: Ctrl-C could not end it there
