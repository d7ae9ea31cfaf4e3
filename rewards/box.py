"""Is the answered box right?"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framework.reward import Reward
from framework.types import Episode, Failure, Malformed, NotApplicable


class BoxIoU(Reward):
    """Intersection over union of the answered box and the target's, at the answered keyframe; in [0, 1].

    0 where nothing was answered, or where the target is not on that frame. Of several objects the first box said is
    held against the nearest true one.
    """

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        pairs = [_pair(episode) for episode in episodes]
        boxes = [pair for pair in pairs if not isinstance(pair, Malformed | NotApplicable)]
        if not boxes:
            return [pair for pair in pairs if isinstance(pair, Malformed | NotApplicable)]
        scores = iter(iou(np.array([said for said, _ in boxes]), np.array([true for _, true in boxes])).tolist())
        return [pair if isinstance(pair, Malformed | NotApplicable) else next(scores) for pair in pairs]


Four = tuple[float, float, float, float]


def _pair(episode: Episode) -> tuple[Four, Four] | Malformed | NotApplicable:
    """The answered corners and the true ones, in original pixels."""
    truth, answer = episode.task.truth, episode.answer
    if not truth.boxes:
        return NotApplicable("the task has no true box")
    if answer is None:
        return Malformed("nothing was answered")
    said = next((item.box for item in answer.items if item.box), None)
    if said is None:
        return Malformed("the answer has no box")
    frame = answer.keyframe if answer.keyframe is not None else int(said.space.picture.rpartition("#")[2])
    original = episode.task.video.space(frame)
    corners = said.to(original).corners
    true = [box.to(original) for box in truth.boxes.get(frame, ())]
    nearest = max(true, key=lambda box: box.iou(said), default=None)
    return corners, nearest.corners if nearest else (0.0, 0.0, 0.0, 0.0)


def iou(said: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pairwise intersection over union of [n, 4] corners; 0 where a union has no area."""
    sides = np.minimum(said[:, 2:], true[:, 2:]) - np.maximum(said[:, :2], true[:, :2])
    shared = np.clip(sides, 0, None).prod(1)
    union = np.clip(said[:, 2:] - said[:, :2], 0, None).prod(1) + np.clip(true[:, 2:] - true[:, :2], 0, None).prod(1)
    union -= shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
