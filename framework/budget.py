"""How many tokens a game takes, before any tokenizer is loaded: visual tokens exactly, from sizes; text by estimate."""

import math
from dataclasses import dataclass
from typing import Literal

from framework.env import Rules, shown
from framework.player import Doing
from framework.types import Answer, Episode, Observation, Past, Reply, Select, Task, Zoom
from framework.vision.boxes import Interval

CHARACTERS = 3
"""Of text to a token, cautiously."""
AROUND = 8
"""Tokens that a chat template writes around what is shown and what is said."""
MARKS = 2
"""Tokens before and after a picture's own."""


@dataclass(frozen=True, slots=True)
class Count:
    """Tokens of one observation."""

    visual: int
    text: int

    @property
    def all(self) -> int:
        return self.visual + self.text


def counts(episode: Episode, rules: Rules) -> list[Count]:
    """Tokens of what each turn showed; the first holds the system prompt."""
    return [count(turn.seen, rules, "" if number else rules.system) for number, turn in enumerate(episode.turns)]


def count(seen: Observation, rules: Rules, system: str = "") -> Count:
    unit = rules.sight.unit
    visual = [(picture.size[0] // unit) * (picture.size[1] // unit) for picture in seen.pictures]
    words = len(system) + sum(len(part) for part in seen.content if isinstance(part, str))
    return Count(sum(visual), math.ceil(words / CHARACTERS) + MARKS * len(visual) + AROUND)


class Greedy:
    """Looks at as much as one action shows, again and again: no policy can make an observation longer."""

    def __init__(self, rules: Rules, task: Task, action: Literal["select", "zoom", "answer"]) -> None:
        self.rules, self.task, self.action = rules, task, action

    async def act(self, past: Past, seen: Observation) -> Reply:
        frames = [picture.frame for picture in shown(past, seen)]
        return await Doing(self.rules, self.task, self.look(frames[-1] if frames else None)).act(past, seen)

    def look(self, frame: int | None) -> Select | Zoom | Answer:
        if self.action == "select":
            return Select(Interval(0, self.task.video.length - 1), 0)
        if self.action == "zoom" and frame is not None:
            return Zoom(frame, self.task.video.space(frame).whole())
        return Answer(text="?")
