"""Is the answer where the target is, whatever its size?"""

import math
from collections.abc import Sequence

from pydantic import Field

from framework.reward import Reward
from framework.types import Episode, Failure, Malformed, NotApplicable


class Centred(Reward):
    """How near the middle of the answered box lies to that of the true one: 1 on it, 0 from `reach` on."""

    reach: float = Field(default=0.5, gt=0)
    """As a share of the picture's width."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        return [self.of(episode) for episode in episodes]

    def of(self, episode: Episode) -> float | Failure:
        task, answer = episode.task, episode.answer
        if 0 not in task.truth.boxes:
            return NotApplicable("the task has no true box")
        box = answer.items[0].box if answer and answer.items else None
        if box is None:
            return Malformed("the answer has no box")
        true = task.truth.boxes[0][0].centre
        said = box.centre.to(true.space)
        off = math.hypot(said.x - true.x, said.y - true.y) / task.video.width
        return max(1 - off / self.reach, 0.0)
