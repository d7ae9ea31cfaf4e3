"""The rewards. This table is the only list of them."""

from framework.reward import Reward
from rewards.box import BoxIoU
from rewards.economy import TurnEconomy
from rewards.form import Answered, WellFormed
from rewards.temporal import IntervalIoU, KeyframeHit

REWARDS: dict[str, type[Reward]] = {
    "answered": Answered,
    "box_iou": BoxIoU,
    "interval_iou": IntervalIoU,
    "keyframe_hit": KeyframeHit,
    "turn_economy": TurnEconomy,
    "well_formed": WellFormed,
}
