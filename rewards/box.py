"""Is the answered box right?

Measures of boxes [..., 4] broadcast like any arithmetic: [n, P, 1, 4] with [n, 1, K, 4] gives [n, P, K].
"""

import numpy as np
from pydantic import Field

from rewards.pairs import PairReward, Pairs, PixelReward
from rewards.said import Values


class BoxIoU(PairReward):
    """Intersection over union of the answered box and the target's, at the answered keyframe; in [0, 1].

    0 where the target is not on that frame. Of several objects the first box said is held against the nearest true one.
    """

    def of_pairs(self, pairs: Pairs) -> Values:
        return iou(pairs.said_boxes, pairs.true_boxes)


class BoxGIoU(PairReward):
    """IoU less the share of the least box around both that neither covers (Rezatofighi et al. 2019); in [-1, 1].

    Boxes that do not meet still learn to come closer. -1 where the target is not on that frame. No box at all counts 0,
    which is more than a poor one; `shape: [[-1, 0], [1, 1]]` puts that right.
    """

    worst = -1.0

    def of_pairs(self, pairs: Pairs) -> Values:
        return giou(pairs.said_boxes, pairs.true_boxes)


class BoxL1(PixelReward):
    """1 less the mean difference of the four coordinates over `reach`; in [0, 1]."""

    reach: float = Field(default=100.0, gt=0)
    """The mean difference, in pixels, at which nothing is left."""

    def of_pairs(self, pairs: Pairs) -> Values:
        far = mean_difference(pairs.said_boxes, pairs.true_boxes, pairs.scale(self.image))
        return np.maximum(1 - far / self.reach, 0)


class BoxHit(PairReward):
    """1 if the intersection over union is more than `threshold`, else 0."""

    threshold: float = Field(default=0.5, ge=0, lt=1)

    def of_pairs(self, pairs: Pairs) -> Values:
        return (iou(pairs.said_boxes, pairs.true_boxes) > self.threshold).astype(float)


class BoxNear(PixelReward):
    """1 if the mean difference of the four coordinates is less than `within`, else 0."""

    within: float = Field(default=10.0, gt=0)
    """Pixels."""

    def of_pairs(self, pairs: Pairs) -> Values:
        far = mean_difference(pairs.said_boxes, pairs.true_boxes, pairs.scale(self.image))
        return (far < self.within).astype(float)


# ---- measures --------------------------------------------------------------------------------------------------------


def iou(said: Values, true: Values, pixel: float = 0) -> Values:
    """Intersection over union; 0 where a union has no area.

    `pixel=1` is for coordinates that name the last pixel inside, so that every side is one longer.
    """
    shared, union = _overlap(said, true, pixel)
    return _over(shared, union)


def giou(said: Values, true: Values, pixel: float = 0) -> Values:
    """IoU less the share of the least box around both that is covered by neither."""
    shared, union = _overlap(said, true, pixel)
    wide = np.maximum(said[..., 2], true[..., 2]) - np.minimum(said[..., 0], true[..., 0]) + pixel
    high = np.maximum(said[..., 3], true[..., 3]) - np.minimum(said[..., 1], true[..., 1]) + pixel
    around = np.maximum(wide, 0) * np.maximum(high, 0)
    return _over(shared, union) - _over(np.maximum(around - union, 0), around)


def mean_difference(said: Values, true: Values, scale: Values | None = None) -> Values:
    """The mean of the four |coordinate differences|; `scale` [..., 2] multiplies those along x and y."""
    x0, y0, x1, y1 = (np.abs(said[..., side] - true[..., side]) for side in range(4))
    along_x, along_y = x0 + x1, y0 + y1
    if scale is not None:
        along_x, along_y = along_x * scale[..., 0], along_y * scale[..., 1]
    return (along_x + along_y) / 4


def _overlap(said: Values, true: Values, pixel: float) -> tuple[Values, Values]:
    """The areas of intersection and union."""
    wide = np.minimum(said[..., 2], true[..., 2]) - np.maximum(said[..., 0], true[..., 0]) + pixel
    high = np.minimum(said[..., 3], true[..., 3]) - np.maximum(said[..., 1], true[..., 1]) + pixel
    shared = np.maximum(wide, 0) * np.maximum(high, 0)
    return shared, _area(said, pixel) + _area(true, pixel) - shared


def _area(boxes: Values, pixel: float) -> Values:
    wide, high = boxes[..., 2] - boxes[..., 0] + pixel, boxes[..., 3] - boxes[..., 1] + pixel
    return np.maximum(wide, 0) * np.maximum(high, 0)


def _over(part: Values, whole: Values) -> Values:
    """part / whole; 0 where there is no whole, NaN where it is not known."""
    return np.divide(part, whole, out=np.where(np.isnan(whole), np.nan, 0.0), where=whole > 0)
