"""The synthetic world as visual question answering: an image, a side that is asked about, a colour.

lab:colour/train/17 ─▶ its first frame, "Find the left shape.", answer red
"""

from dataclasses import replace

from pydantic import Field

from framework.errors import DataError
from framework.lab.world import ROOM, Split, drawn, task
from framework.source import Source
from framework.types import Task, Truth

TRIES = 64
"""Images that are looked through for one that has a thing on either side; about every fourth has."""


class Sides(Source):
    """Two things of two colours, one in each half of an image; which colour has the one on this side?"""

    split: Split = "train"
    seed: int = Field(default=0, ge=0)
    """Each seed has images of its own."""
    count: int = Field(default=1000, ge=1, le=ROOM // TRIES)

    def size(self) -> int:
        return self.count

    def task(self, index: int) -> Task:
        """From the first of this number's images that has three quarters of a thing's width, or more, in each half."""
        for number in range(index, index + TRIES * self.count, self.count):
            clip = drawn(source := f"lab:colour/{self.split}/{self.seed * ROOM + number}")
            left, right = sorted(clip.scene.things, key=lambda thing: thing.path[0][0])
            middle = clip.scene.size / 2
            if left.path[0][0] + left.radius / 2 <= middle <= right.path[0][0] - right.radius / 2:
                target = clip.scene.things[clip.question.target]
                return _asked(task(source), target.colour, "left" if target is left else "right")
        raise DataError(f"lab_sides: no image of {TRIES} for number {index} has a thing in each half; try another seed")


def _asked(whole: Task, colour: str, side: str) -> Task:
    """What is asked of a clip's first frame."""
    seen = whole.truth
    truth = Truth(
        present=(True,),
        boxes={0: seen.boxes[0]},
        points={0: seen.points[0]},
        masks={0: seen.masks[0]},
        answer=f" {colour}",  # with its space it is one token of the lab's
        kind=side,
    )
    return replace(whole, question=f"Find the {side} shape.", video=replace(whole.video, length=1), truth=truth)
