"""The synthetic world as visual question answering: an image, a colour that is asked about, a shape as the answer.

lab:colour/train/17 ─▶ its first frame, "Find the red shape.", answer circle
"""

from dataclasses import replace

from pydantic import Field

from framework.lab.world import ROOM, Split, World, drawn
from framework.source import Source
from framework.types import Task, Truth


class Shapes(Source):
    """Two things in an image; which shape has the one of this colour?"""

    split: Split = "train"
    seed: int = Field(default=0, ge=0)
    """Each seed has images of its own."""
    count: int = Field(default=1000, ge=1, le=ROOM)

    def size(self) -> int:
        return self.count

    def task(self, index: int) -> Task:
        task = World(level="colour", split=self.split, seed=self.seed, count=self.count).task(index)
        clip = drawn(task.video.source)
        shape, seen = clip.scene.things[clip.question.target].shape, task.truth
        truth = Truth(
            present=(True,),
            boxes={0: seen.boxes[0]},
            points={0: seen.points[0]},
            masks={0: seen.masks[0]},
            answer=f" {shape}",  # with its space it is one token of the lab's
            kind=shape,
        )
        return replace(task, video=replace(task.video, length=1), truth=truth)
