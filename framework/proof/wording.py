"""Policies that say what another says, otherwise: worded as a recipe wants it, over and over, or not at all."""

import re
from collections.abc import Callable

from framework.policy import Policy
from framework.types import Observation, Past, Reply


class Worded:
    """Says what another says, in the words of a recipe: {action} is all of it, or <{tag}>{body}</{tag}>."""

    def __init__(self, policy: Policy, wording: str) -> None:
        self.policy, self.wording = policy, wording

    async def act(self, past: Past, seen: Observation) -> Reply:
        action = (await self.policy.act(past, seen)).text
        found = re.fullmatch(r"<(\w+)>(.*)</\1>", action, re.DOTALL)
        pieces = {"action": action, "tag": found[1] if found else "", "body": found[2] if found else action}
        return Reply(re.sub(r"\{(action|tag|body)\}", lambda each: pieces[each[1]], self.wording))


class Stammering:
    """Says what another says, with something before it, or several times over."""

    def __init__(self, policy: Policy, before: str = "", again: int = 1) -> None:
        self.policy, self.before, self.again = policy, before, again

    async def act(self, past: Past, seen: Observation) -> Reply:
        said = (await self.policy.act(past, seen)).text
        return Reply(self.before + "\n".join([said] * self.again))


class Laid:
    """Says what another says, in another layout."""

    def __init__(self, policy: Policy, change: Callable[[str], str]) -> None:
        self.policy, self.change = policy, change

    async def act(self, past: Past, seen: Observation) -> Reply:
        return Reply(self.change((await self.policy.act(past, seen)).text))


class Parrot:
    """Says what it is shown, and what it was told before."""

    def __init__(self, system: str) -> None:
        self.system = system

    async def act(self, past: Past, seen: Observation) -> Reply:
        return Reply(f"{self.system}\n{seen.text}")
