"""Is the answered point right, and are the points beside the object beside it?"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from framework.reward import Reward
from framework.types import Answer, Episode, Failure, Truth
from framework.vision.boxes import Point
from framework.vision.distance import FAR, taxicab
from framework.vision.masks import as_runs
from rewards.pairs import Kind, PairReward, Pairs, PixelReward, Side
from rewards.said import Counts, Said, Values, scored

Metric = Literal["l1", "l2"]


class PointDistance(PixelReward):
    """1 less the distance of the answered point from the true one over `reach`; in [0, 1]."""

    said: ClassVar[Kind] = "point"
    true: ClassVar[Kind] = "point"

    metric: Metric = "l2"
    """l2 is the straight line, l1 the sum along x and y."""
    reach: float = Field(default=100.0, gt=0)
    """Pixels at which nothing is left."""

    def of_pairs(self, pairs: Pairs) -> Values:
        far = distance(pairs.said_points, pairs.true_points, self.metric, pairs.scale(self.image))
        return np.maximum(1 - far / self.reach, 0)


class PointNear(PixelReward):
    """1 if the answered point is less than `within` from the true one, else 0."""

    said: ClassVar[Kind] = "point"
    true: ClassVar[Kind] = "point"

    metric: Metric = "l2"
    """l2 is the straight line, l1 the sum along x and y."""
    within: float = Field(default=30.0, gt=0)
    """Pixels."""
    own_box: bool = False
    """The point must also lie in the box that was said of the same object, edges included."""

    def of_pairs(self, pairs: Pairs) -> Values:
        far = distance(pairs.said_points, pairs.true_points, self.metric, pairs.scale(self.image))
        near = far < self.within
        return (near & inside(pairs.said_points, pairs.said_boxes) if self.own_box else near).astype(float)


class PointInBox(PairReward):
    """1 if the answered point lies in the true box, edges included, else 0."""

    said: ClassVar[Kind] = "point"

    def of_pairs(self, pairs: Pairs) -> Values:
        return inside(pairs.said_points, pairs.true_boxes).astype(float)


class PointInOwnBox(Reward):
    """The share of the answered objects whose point lies in the box said of the same object; in [0, 1].

    An object without a box or a point does not. The truth is not asked.
    """

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        return scored(episodes, lambda truth: "", self._fault, self._score)

    def _fault(self, answer: Answer) -> str:
        return "" if answer.items else "the answer has no objects"

    def _score(self, said: Said) -> Values:
        objects = said.objects([answer.items for answer in said.answers])
        within = inside(objects.points.T, objects.boxes.T)[:-1]
        return _share(within, np.repeat(np.arange(len(objects.counts)), objects.counts), len(objects.counts))


class PointInMask(Reward):
    """The share of the answered points that lie on a target's mask; in [0, 1]."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        return scored(episodes, _lacking, self._fault, self._score)

    def _fault(self, answer: Answer) -> str:
        return "" if any(item.point for item in answer.items) else "the answer has no point"

    def _score(self, said: Said) -> Values:
        points = [[item.point for item in answer.items if item.point] for answer in said.answers]
        steps, of = _steps(said, points, None, 0)
        return np.where(_known(said), _share(steps == 0, of, len(points)), np.nan)


class NegativePoint(Reward):
    """Of the K points said to lie beside the object, the share that lies close by it; in [0, 1] (VideoSeg-R1).

    A point earns 1/K if 0 < d ≤ `tau`; d is its taxicab distance, the number of steps between neighbouring pixels, to
    the targets' mask. A point on the mask or outside the image earns nothing. Without such points it is 0.
    """

    image: tuple[Side, Side] = (840, 840)
    """Pixels are those of the frame at this width and height; the mask is brought to it by nearest neighbours."""
    tau: float = Field(default=40.0, ge=1)
    """Pixels."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        return scored(episodes, _lacking, lambda answer: "", self._score)

    def _score(self, said: Said) -> Values:
        points = [[point for item in answer.items for point in item.negatives] for answer in said.answers]
        steps, of = _steps(said, points, self.image, int(self.tau))
        good = (steps > 0) & (steps <= self.tau)
        return np.where(_known(said), _share(good, of, len(points)), np.nan)


def _lacking(truth: Truth) -> str:
    return "" if truth.masks else "the task has no true mask"


def _known(said: Said) -> NDArray[np.bool_]:
    """Is it known what is on the frame?"""
    known = [scene.frame in scene.truth.masks or scene.blank for scene in said.scenes]
    return np.array(known, np.bool_)[said.of]


def _steps(
    said: Said, points: Sequence[Sequence[Point]], image: tuple[int, int] | None, reach: int
) -> tuple[NDArray[np.int32], Counts]:
    """How many steps each point is from the mask on its frame, and whose point it is; FAR outside the image.

    Steps are pixels of `image`, or the mask's own.
    """
    found = (None if scene.frame is None else scene.truth.masks.get(scene.frame) for scene in said.scenes)
    there = {row: as_runs(mask) for row, mask in enumerate(found) if mask is not None}
    masks, rows = list(there.values()), np.full(len(said.scenes), -1)
    rows[list(there)] = np.arange(len(there))
    places, of = said.placed(points)
    mask = rows[said.of][of]
    sizes = np.array([*(image or (each.width, each.height) for each in masks), (1, 1)])[mask].T
    # A whole pixel that was carried to another space and back may fall short of itself.
    pixels = np.floor(places * (sizes / said.sizes[of].T) + 1e-6)
    inside = np.flatnonzero(((pixels >= 0) & (pixels < sizes)).all(0) & (mask >= 0))
    x, y = pixels[:, inside].astype(np.int64)
    steps = np.full(of.shape, FAR, np.int32)
    steps[inside] = taxicab(x, y, mask[inside], masks, image, reach)
    return steps, of


def _share(good: NDArray[np.bool_], of: Counts, episodes: int) -> Values:
    """The share that is good of what each episode has; 0 of nothing."""
    return np.bincount(of, good, episodes) / np.maximum(np.bincount(of, minlength=episodes), 1)


# ---- measures --------------------------------------------------------------------------------------------------------


def distance(said: Values, true: Values, metric: Metric = "l2", scale: Values | None = None) -> Values:
    """The distance between points [..., 2]; `scale` multiplies what lies along x and y."""
    along_x, along_y = said[..., 0] - true[..., 0], said[..., 1] - true[..., 1]
    if scale is not None:
        along_x, along_y = along_x * scale[..., 0], along_y * scale[..., 1]
    return np.abs(along_x) + np.abs(along_y) if metric == "l1" else np.sqrt(along_x**2 + along_y**2)


def inside(points: Values, boxes: Values) -> NDArray[np.bool_]:
    """Do points [..., 2] lie in boxes [..., 4], edges included?"""
    x, y = points[..., 0], points[..., 1]
    across = (boxes[..., 0] <= x) & (x <= boxes[..., 2])
    return across & (boxes[..., 1] <= y) & (y <= boxes[..., 3])
