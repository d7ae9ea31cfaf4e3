"""Who plays a game: makes the policy of an episode, which may know what it will do before it has seen anything."""

from collections.abc import Callable

from framework.env import Rules, shown
from framework.policy import Policy
from framework.types import Answer, Observation, Past, Reply, Select, Task, Zoom

Player = Callable[[Task, Rules, int], Policy]
"""Makes the policy of one episode of this game, from its task and a seed."""


class Doing:
    """Does these actions in order, said as the rules will read them from what was shown; the last one for ever."""

    def __init__(self, rules: Rules, task: Task, *actions: Select | Zoom | Answer) -> None:
        self.rules, self.task, self.actions = rules, task, actions

    async def act(self, past: Past, seen: Observation) -> Reply:
        action = self.actions[min(len(past), len(self.actions) - 1)]
        return Reply(self.rules.grammar.write(action, self.rules.place(self.task, shown(past, seen))))
