"""Tasks whose frames are chosen from their truth: what a sampler will choose later, for training without one.

data:
  train: {use: focused, of: {use: prepared, …}, share: 0.3}
"""

import random
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from framework.config import SerializeAsAny, chosen
from framework.source import Source
from framework.types import AnyMask, Focus, Task
from framework.vision import masks
from framework.vision.boxes import Interval


class Focused(Source):
    """Each task with a target frame by lot, among those that show its target well, and a segment around it by lot."""

    of: Annotated[SerializeAsAny[Source], chosen("data")]
    """Where the tasks come from."""
    share: float = Field(default=0.3, gt=0, le=1)
    """A segment is at most this share of the clip, and at least one frame."""
    least: float = Field(default=0.001, ge=0, lt=1)
    """A frame shows its target if that covers more than this share of it."""
    seed: int = 0

    def size(self) -> int:
        return self.of.size()

    def task(self, index: int) -> Task:
        task = self.of.task(index)
        lots = random.Random(f"{self.seed}/{task.id}")
        fit = [frame for frame, mask in task.truth.masks.items() if self._shown(task, frame, mask)]
        target = lots.choice(fit or sorted(task.truth.boxes) or range(task.video.length))
        length = max(1, int(self.share * task.video.length))
        start = lots.randint(max(0, target - length + 1), min(target, task.video.length - length))
        return replace(task, focus=Focus(segment=Interval(start, start + length - 1), target=target))

    def _shown(self, task: Task, frame: int, mask: AnyMask) -> bool:
        """All of its objects are there."""
        most = max(map(len, task.truth.boxes.values()), default=0)
        enough = masks.area(mask) > self.least * mask.width * mask.height
        return enough and len(task.truth.boxes.get(frame, ())) == most
