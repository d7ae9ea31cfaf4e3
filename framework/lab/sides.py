"""The synthetic world as visual question answering: an image, a side that is asked about, a colour.

lab:colour/train/17 ─▶ its first frame, "Find the left shape.", answer red
"""

from dataclasses import replace

from pydantic import Field

from framework.errors import DataError
from framework.lab.scene import Thing
from framework.lab.world import ROOM, Clip, Split, drawn, task
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
        whole, clip, side = self._divided(index)
        seen = whole.truth
        truth = Truth(
            present=(True,),
            boxes={0: seen.boxes[0]},
            points={0: seen.points[0]},
            masks={0: seen.masks[0]},
            answer=f" {clip.scene.things[clip.question.target].colour}",  # with its space it is one token of the lab's
            kind=side,
        )
        return replace(whole, question=f"Find the {side} shape.", video=replace(whole.video, length=1), truth=truth)

    def _divided(self, index: int) -> tuple[Task, Clip, str]:
        """The first of this number's images that has a thing in each half, and where its target lies."""
        for number in range(index, index + TRIES * self.count, self.count):
            clip = drawn(source := f"lab:colour/{self.split}/{self.seed * ROOM + number}")
            sides = [_side(thing, clip.scene.size / 2) for thing in clip.scene.things]
            if sorted(sides) == ["left", "right"]:
                return task(source), clip, sides[clip.question.target]
        raise DataError(
            f"lab_sides: none of {TRIES} images for number {index} has a thing in each half; take another seed"
        )


def _side(thing: Thing, middle: float) -> str:
    """The half in which three quarters of a thing's width lie, or more; empty if neither has so much."""
    off = thing.path[0][0] - middle
    return "" if abs(off) < thing.radius / 2 else "left" if off < 0 else "right"
