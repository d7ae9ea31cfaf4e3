"""The synthetic world as visual question answering: an image of two things, a side that is asked about, a colour.

lab:colour/train/17 ─▶ its first frame, "Find the left shape.", answer red
"""

from dataclasses import replace

from pydantic import Field

from framework.lab.world import ROOM, Split, World, drawn
from framework.source import Source
from framework.types import Task, Truth


class Sides(Source):
    """Two things of two colours in an image; which colour has the one on this side?"""

    split: Split = "train"
    seed: int = Field(default=0, ge=0)
    """Each seed has images of its own."""
    count: int = Field(default=1000, ge=1, le=ROOM)

    def size(self) -> int:
        return self.count

    def task(self, index: int) -> Task:
        task = World(level="colour", split=self.split, seed=self.seed, count=self.count).task(index)
        clip, seen = drawn(task.video.source), task.truth
        target = clip.scene.things[clip.question.target]
        side = "left" if target.path[0][0] == min(thing.path[0][0] for thing in clip.scene.things) else "right"
        truth = Truth(
            present=(True,),
            boxes={0: seen.boxes[0]},
            points={0: seen.points[0]},
            masks={0: seen.masks[0]},
            answer=f" {target.colour}",  # with its space it is one token of the lab's
            kind=side,
        )
        return replace(task, question=f"Find the {side} shape.", video=replace(task.video, length=1), truth=truth)
