"""Policies that say what another policy says in other words, and one that repeats what it was shown."""

import re
from collections.abc import Callable

from framework.policy import Policy
from framework.types import Observation, Past, Reply


class Worded:
    """Says what another says, as `wording` has it: {action} stands for the whole reply, {tag} and {body} for its parts.

    <zoom>3</zoom>, worded "<think>So.</think><{tag}> {body} </{tag}>", becomes <think>So.</think><zoom> 3 </zoom>.
    """

    def __init__(self, policy: Policy, wording: str) -> None:
        self.policy, self.wording = policy, wording

    async def act(self, past: Past, seen: Observation) -> Reply:
        action = (await self.policy.act(past, seen)).text
        found = re.fullmatch(r"<(\w+)>(.*)</\1>", action, re.DOTALL)
        pieces = {"action": action, "tag": found[1] if found else "", "body": found[2] if found else action}
        return Reply(re.sub(r"\{(action|tag|body)\}", lambda each: pieces[each[1]], self.wording))


class Changed:
    """Says what another says, after `change` has made another text of it."""

    def __init__(self, policy: Policy, change: Callable[[str], str]) -> None:
        self.policy, self.change = policy, change

    async def act(self, past: Past, seen: Observation) -> Reply:
        return Reply(self.change((await self.policy.act(past, seen)).text))


class Parrot:
    """Repeats the system prompt and what it is shown."""

    def __init__(self, system: str) -> None:
        self.system = system

    async def act(self, past: Past, seen: Observation) -> Reply:
        return Reply(f"{self.system}\n{seen.text}")
