"""The synthetic world in the two tables, that every tool for datasets runs on it.

    limner data prepare lab --root glance --split eval --limit 200 --out ./prepared

What stands for the dataset's folder is the name of a level; two levels want two --out. Frames are not written: they are
made where they are asked for.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.data.layout import Found, Layout
from framework.data.schema import Clip, Expression, Object
from framework.lab.levels import LEVELS
from framework.lab.world import ROOM, SPLITS, World, drawn
from framework.registry import find
from framework.types import Task
from framework.vision import masks

USUAL = 1000
"""Clips, if nobody says how many."""


class Lab(Layout):
    name = "lab"
    licence = "made here; it is free"
    splits = SPLITS

    def __init__(self, root: Path, split: str) -> None:
        super().__init__(root, split)
        self.world = World.model_validate({"level": root.name, "split": split, "count": ROOM})

    @classmethod
    def opened(cls, root: Path, split: str) -> Layout:
        find(LEVELS, root.name, "level")
        find(dict.fromkeys(SPLITS), split, "split")
        return cls(Path(root.name), split)

    def videos(self, limit: int | None = None) -> Sequence[str]:
        return [str(number) for number in range(min(USUAL if limit is None else limit, ROOM))]

    def expressions(self, video: str) -> Sequence[str]:
        return ["0"]

    def clip(self, video: str) -> Found:
        task = self.world.task(int(video))
        clip = drawn(task.video.source)
        who = clip.scene.who()
        objects = [_object(number, who) for number, _ in enumerate(clip.scene.things)]
        return Found(
            Clip(
                id=video,
                video_path=task.video.source,
                length=task.video.length,
                width=task.video.width,
                height=task.video.height,
                fps=task.video.fps,
                objects=tuple(objects),
                expressions=(_expression(task, str(clip.question.target)),),
            )
        )


def _object(number: int, who: NDArray[np.integer]) -> Object:
    seen = who == number + 1
    frames = np.flatnonzero(seen.any((1, 2))).tolist()
    return Object(id=str(number), masks={frame: masks.encode(seen[frame]) for frame in frames})


def _expression(task: Task, target: str) -> Expression:
    interval = task.truth.interval
    return Expression(
        id="0",
        text=task.question,
        type=task.truth.kind,
        objects=(target,),
        annotated=tuple(range(task.video.length)),
        span=(int(interval.start), int(interval.end)) if interval else None,
    )
