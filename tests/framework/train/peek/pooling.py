"""A pool of segmenters where Ray runs: the same answers, actors that die or stay dead, that are slow or wrong."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from framework.lab.world import World
from framework.train.segmenter_pool import Pool, Worker
from framework.types import Broken, Mask
from framework.vision.colour import ColorFlood
from framework.vision.segmenter import Asked, Found, Prompt


class Dying(ColorFlood):
    """Takes its actor with it, as long as a file is there; the first one to do so removes it."""

    mark: str
    for_ever: bool = False

    def found(self, asked: Sequence[Asked]) -> list[Found | Broken]:
        if Path(self.mark).exists():
            if not self.for_ever:
                Path(self.mark).unlink()
            os._exit(1)
        return super().found(asked)


class Slow(ColorFlood):
    def found(self, asked: Sequence[Asked]) -> list[Found | Broken]:
        time.sleep(3600)
        return super().found(asked)


class Wrong(ColorFlood):
    """One answer too few, or masks of another size."""

    size: bool = False

    def found(self, asked: Sequence[Asked]) -> list[Found | Broken]:
        return [Found(Mask((9,), 3, 3), 1.0) for _ in asked] if self.size else super().found(asked)[:-1]


def questions() -> list[Asked]:
    """Two prompts on each of several clips."""
    tasks = [World(level="moments", split="eval", count=4).task(index) for index in range(4)]
    frames = [max(task.truth.boxes) for task in tasks]
    boxes = [Prompt(box=task.truth.boxes[frame][0]) for task, frame in zip(tasks, frames, strict=True)]
    return [Asked(task.video, frame, box) for task, frame, box in zip(tasks, frames, boxes, strict=True)] * 2


def probes(folder: Path) -> dict[str, Any]:
    """What became of each."""
    asked, own = questions(), ColorFlood()
    alone = own.segment(asked)
    mark, grave = folder / "mark", folder / "grave"
    mark.touch()
    grave.touch()
    dying = Worker(Pool(of=Dying(mark=str(mark))))
    dead = Pool(of=Dying(mark=str(grave), for_ever=True)).segment(asked)
    slow = Pool(of=Slow(), timeout_s=3, tries=1).segment(asked)
    few, small = Pool(of=Wrong()).segment(asked), Pool(of=Wrong(size=True)).segment(asked)
    return {
        "same": _same(Pool(of=own, actors=2, batch=3).segment(asked), alone),
        "again": _same(dying.ask(asked).result(), alone) and dying.started,
        "dead": [each.reason for each in dead if isinstance(each, Broken)],
        "few": [each.reason for each in few if isinstance(each, Broken)],
        "small": [each.reason for each in small if isinstance(each, Broken)],
        "slow": [each.reason for each in slow if isinstance(each, Broken)],
    }


def _same(one: Sequence[Found | Broken], other: Sequence[Found | Broken]) -> bool:
    from framework.vision.masks import as_runs

    return [(as_runs(each.mask), each.score) for each in one if isinstance(each, Found)] == [
        (as_runs(each.mask), each.score) for each in other if isinstance(each, Found)
    ]
