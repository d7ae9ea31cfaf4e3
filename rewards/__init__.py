"""The rewards. This table is the only list of them."""

from framework.reward import Reward
from rewards.answer import ExactAnswer, MultipleChoice, NumericAnswer
from rewards.box import BoxGIoU, BoxHit, BoxIoU, BoxL1, BoxNear
from rewards.economy import TurnEconomy
from rewards.form import (
    Answered,
    AnswerSchema,
    NonRepetition,
    StepKeywords,
    StrictFormat,
    TagsPerTurn,
    WellFormed,
)
from rewards.group import BestOf, GroupDifficulty, Rank
from rewards.judge import Judge
from rewards.length import CosineLength, Overlong, SoftLength
from rewards.looked import LookedAgain
from rewards.mask import ContourAccuracy, JAndF, MaskIoU
from rewards.matching import Matched
from rewards.paid import EnvReturn
from rewards.point import NegativePoint, PointDistance, PointInBox, PointInMask, PointInOwnBox, PointNear
from rewards.progress import KeyframeMargin, Progress
from rewards.published import VideoSegO3, VisionReasoner
from rewards.segmented import SegmentedIoU
from rewards.temporal import Coverage, IntervalIoU, IntervalPrecision, KeyframeHit, KeyframeQuality

REWARDS: dict[str, type[Reward]] = {
    "answer_schema": AnswerSchema,
    "answered": Answered,
    "best_of": BestOf,
    "box_giou": BoxGIoU,
    "box_hit": BoxHit,
    "box_iou": BoxIoU,
    "box_l1": BoxL1,
    "box_near": BoxNear,
    "contour_accuracy": ContourAccuracy,
    "cosine_length": CosineLength,
    "coverage": Coverage,
    "env_return": EnvReturn,
    "exact_answer": ExactAnswer,
    "group_difficulty": GroupDifficulty,
    "interval_iou": IntervalIoU,
    "interval_precision": IntervalPrecision,
    "j_and_f": JAndF,
    "judge": Judge,
    "keyframe_hit": KeyframeHit,
    "keyframe_margin": KeyframeMargin,
    "keyframe_quality": KeyframeQuality,
    "looked_again": LookedAgain,
    "mask_iou": MaskIoU,
    "matched": Matched,
    "multiple_choice": MultipleChoice,
    "negative_point": NegativePoint,
    "non_repetition": NonRepetition,
    "numeric_answer": NumericAnswer,
    "overlong": Overlong,
    "point_distance": PointDistance,
    "point_in_box": PointInBox,
    "point_in_mask": PointInMask,
    "point_in_own_box": PointInOwnBox,
    "point_near": PointNear,
    "progress": Progress,
    "rank": Rank,
    "segmented_iou": SegmentedIoU,
    "soft_length": SoftLength,
    "step_keywords": StepKeywords,
    "strict_format": StrictFormat,
    "tags_per_turn": TagsPerTurn,
    "turn_economy": TurnEconomy,
    "videoseg_o3": VideoSegO3,
    "vision_reasoner": VisionReasoner,
    "well_formed": WellFormed,
}
