"""Inference programs: ask a policy the same thing n times, and make one thing of the replies.

    task ─▶ play ×n ─▶ episodes ─▶ reduce ─▶ an interval, a frame, a box …

A program decides nothing about training; it is a scripted loop over one-turn games. A hierarchical frame sampler, for
one, is `ask` for intervals, their mean, and `ask` again inside it.
"""

import asyncio
from collections.abc import Callable, Sequence

from framework.env import Rules
from framework.policy import Policy
from framework.rollout import play
from framework.types import Answer, Episode, Select, Task
from framework.vision.boxes import Interval


async def ask(task: Task, rules: Rules, policy: Callable[[], Policy], times: int) -> list[Episode]:
    """Play the same task `times` over, side by side; each play has a policy of its own."""
    return list(await asyncio.gather(*(play(task, rules, policy()) for _ in range(times))))


def mean_interval(episodes: Sequence[Episode]) -> Interval | None:
    """The mean start and mean end of the intervals said last; None if no reply had one."""
    said = [interval for episode in episodes if (interval := _interval(episode))]
    if not said:
        return None
    start = sum(each.start for each in said) / len(said)
    end = sum(each.end for each in said) / len(said)
    return Interval(round(start), round(end)) if said[0].unit == "frame" else Interval(start, end, "second")


def _interval(episode: Episode) -> Interval | None:
    acts = (turn.said.parsed for turn in reversed(episode.turns))
    return next((act.interval for act in acts if isinstance(act, Select | Answer) and act.interval), None)
