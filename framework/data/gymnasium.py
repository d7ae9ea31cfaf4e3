"""Worlds of Gymnasium: tasks that are a seed of one of its envs.

{use: gymnasium, id: "framework.lab.grid:limner/Grid-v0", seed: 1} ─▶ row 17 ─▶ Task(video: its first picture,
                                                    truth: world = {"id": …, "arguments": {}, "seed": 1000017})
"""

import json
from typing import Any

from pydantic import Field

from framework.errors import DataError
from framework.gymnasium_world import World
from framework.source import Source
from framework.types import Task, Truth
from framework.vision import inline

ROOM = 1_000_000
"""Worlds of one seed."""


class Gymnasium(Source):
    """One of Gymnasium's envs, each time from another seed."""

    id: str = Field(min_length=1)
    """As gymnasium.make takes it; "package.module:Name-v0" imports the module first."""
    arguments: dict[str, Any] = Field(default_factory=dict[str, Any])
    """What else gymnasium.make is told."""
    question: str
    """What is asked at the start: the goal, which these envs do not say."""
    seed: int = Field(default=0, ge=0)
    """Each seed has worlds of its own."""
    count: int = Field(default=1000, ge=1, le=ROOM)

    def size(self) -> int:
        return self.count

    def task(self, index: int) -> Task:
        if not 0 <= index < self.count:
            raise DataError(f"{self.id}: there is no world {index} among {self.count}; raise count")
        seed = self.seed * ROOM + index
        told = json.dumps({"id": self.id, "arguments": self.arguments, "seed": seed}, sort_keys=True)
        world = World(told)
        try:
            video = inline.video(world.opening())
        finally:
            world.close()
        name = self.id.rpartition(":")[2]
        return Task(id=f"{name}/{seed}", question=self.question, video=video, truth=Truth(world=told, kind=name))
