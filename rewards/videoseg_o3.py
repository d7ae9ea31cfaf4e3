"""VideoSEG-O3's registered terms, as its authors run them; `rewards/published.py` names their quirks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from framework.types import Failure, Malformed, NotApplicable
from rewards.vtg import follows, inside, is_strict, place, steps

Value = float | Failure

Term = Literal[
    "think_format",
    "think_select_format",
    "vtg_keyframe",
    "vtg_iou",
    "pr_maskiou",
    "pr_keyframe_valid",
    "mr_progressive_maskiou",
    "strict_format_cot",
    "step_format_cot",
    "mr_progressive_keyframe",
    "lr_keyframeiou",
    "lr_maskiou",
    "lr_vtg_iou",
    "lr_vtg_keyframe",
    "lr_keyframe_vs_best_mask",
    "lr_keyframe_vs_mask",
    "lr_progressive_keyframe",
    "lr_keyframeiou_dense",
    "lr_maskiou_dense",
    "lr_vtg_iou_dense",
    "lr_keyframe_vs_mask_dense",
    "lr_progressive_keyframe_dense",
    "simple_lr_maskiou",
    "simple_lr_keyframe",
    "termination",
]


@dataclass(frozen=True, slots=True)
class Played:
    """All that these terms look at."""

    said: Sequence[str]
    """What each turn said."""
    present: Sequence[bool]
    """Per frame: is the target there?"""
    frames: Sequence[Sequence[float]] = ()
    """Per turn, the IoU on each frame that it drew on."""
    keyframes: Sequence[float] = ()
    """Per turn, the IoU on its keyframe; 0 where it drew none."""

    @property
    def several(self) -> bool:
        return len(self.said) > 1

    @property
    def clips(self) -> list[float]:
        """Per turn, the mean IoU over frames."""
        return [_mean(each) for each in self.frames]


# ---- what was said ---------------------------------------------------------------------------------------------------


def _precision(text: str, present: Sequence[bool]) -> np.float32 | None:
    """The share of the said frames that show the target, in its authors' float32; None if no frame is said."""
    said = place(text, len(present))
    if said is None or said[0] >= said[1]:
        return None
    start, end, _ = said
    if not any(present):
        return np.float32(1)
    return np.float32(sum(present[start:end])) / (np.float32(end - start) + np.float32(1e-6))


def _passes(text: str, present: Sequence[bool]) -> float:
    precision = _precision(text, present)
    return 0.5 if precision is not None and precision > 0.5 else -0.5


def _keyframe(text: str, present: Sequence[bool]) -> Value:
    said = place(text, len(present))
    if said is None:
        return -1.0
    if not present:
        return NotApplicable("the task does not say where the target is")
    return 1.0 if present[said[2]] else -1.0


def _keyframes(played: Played) -> Value:
    turns = [_keyframe(each, played.present) for each in played.said]
    failure = next((each for each in turns if not isinstance(each, float)), None)
    return failure or _mean([each for each in turns if isinstance(each, float)], -1.0)


def _dense_precision(text: str, present: Sequence[bool]) -> float:
    precision = _precision(text, present)
    return 0.5 * float(precision) if precision is not None and precision >= 0.5 else -0.5


def _termination(played: Played) -> Value:
    last, iou = played.said[-1], played.keyframes[-1]
    if inside(last, "answer") is not None:
        return 1.0 if iou > 0.8 else -1.0 if iou < 0.2 else 0.0
    return float(inside(last, "select") is not None and iou < 0.5)


# ---- what was drawn --------------------------------------------------------------------------------------------------

Rungs = Sequence[tuple[float, float]]
"""(above this, it scores that), from the top; -1 below the last."""
COARSE: Rungs = ((0.9, 1.0), (0.75, 0.75), (0.5, 0.5), (0.25, -0.5))
Gains = Sequence[tuple[float, float, float]]
"""(by more than this, and above that, it scores so much), from the top; -1 below the last."""
GAIN: Gains = ((0.1, -1.0, 1.0), (0.02, 0.85, 1.0), (0.05, -1.0, 0.5), (-0.05, -1.0, 0.0), (-0.1, -1.0, -0.5))
GATED: Gains = ((0.1, 0.6, 1.0), (0.05, 0.4, 0.5), (-0.05, -1.0, 0.0), (-0.1, -1.0, -0.5))


def _rung(value: float, rungs: Rungs) -> float:
    return next((score for above, score in rungs if value > above), -1.0)


def _gain(now: float, before: float, gains: Gains) -> float:
    return next((score for by, above, score in gains if now > before + by and now > above), -1.0)


def _coarse(ious: Sequence[float]) -> float:
    return _mean([_rung(iou, COARSE) for iou in ious], -1.0)


def _dense(iou: float, slope: float, most: float) -> float:
    return min(slope * (iou - 0.4), most) if iou > 0.4 else 0.0 if iou > 0.2 else -1.0


def _mean(values: Sequence[float], of_none: float = 0.0) -> float:
    return sum(values) / len(values) if values else of_none


def _progress_of_masks(played: Played) -> Value:
    """Each frame of each later turn against its best so far."""
    if not played.frames:
        return 0.0
    best, total = list(played.frames[0]), 0.0
    for turn in played.frames[1:]:
        total += _mean([_gain(now, before, GAIN) for now, before in zip(turn, best, strict=False)])
        best = [*map(max, turn, best), *best[len(turn) :]]
    return total


def _progress_of_keyframes(played: Played) -> Value:
    """Each turn from the third on against the best since the second."""
    ious = played.keyframes[1:]
    return float(sum(_gain(ious[i], max(ious[:i]), GAIN) for i in range(1, len(ious))))


# ---- the terms -------------------------------------------------------------------------------------------------------

SILENT = Malformed("nothing was said")
ENDLESS = float("inf")
Terms = Mapping[Term, tuple[Callable[[Played], Value], float, float]]
"""Term → how it is computed, its least and its most."""

ABOUT_WORDS: Terms = {
    "think_format": (lambda it: float(follows(it.said[0], ("answer",)) is not None) if it.said else SILENT, 0, 1),
    "think_select_format": (lambda it: float(follows(it.said[0]) is not None) if it.said else SILENT, 0, 1),
    "strict_format_cot": (lambda it: 2.0 * all(map(is_strict, it.said)) - 1 if it.said else 0.0, -1, 1),
    "step_format_cot": (lambda it: _mean([steps(each) for each in it.said]), 0, 1),
    "vtg_iou": (lambda it: _mean([_passes(each, it.present) for each in it.said], -0.5), -0.5, 0.5),
    "lr_vtg_iou": (lambda it: _passes(it.said[-1], it.present) if it.said else -0.5, -0.5, 0.5),
    "lr_vtg_iou_dense": (lambda it: _dense_precision(it.said[-1], it.present) if it.said else -0.5, -0.5, 0.5),
    "vtg_keyframe": (_keyframes, -1, 1),
    "lr_vtg_keyframe": (lambda it: _keyframe(it.said[-1], it.present) if it.said else -1.0, -1, 1),
}
ABOUT_FRAMES: Terms = {
    "pr_maskiou": (lambda it: _mean([_coarse(turn) for turn in it.frames]), -1, 1),
    "lr_maskiou": (lambda it: _coarse(it.frames[-1]) if it.frames else 0.0, -1, 1),
    "lr_maskiou_dense": (
        lambda it: _mean([_dense(iou, 3.0, 1.5) for iou in it.frames[-1]], -1.0) if it.frames else 0.0,
        -1,
        1.5,
    ),
    "simple_lr_maskiou": (lambda it: it.clips[-1] if it.frames else 0.0, 0, 1),
    "mr_progressive_maskiou": (_progress_of_masks, -ENDLESS, ENDLESS),  # at most 1 a turn
}
ABOUT_KEYFRAMES: Terms = {
    "lr_keyframeiou": (lambda it: _rung(it.keyframes[-1], COARSE) if it.several else 0.0, -1, 1),
    "lr_keyframeiou_dense": (lambda it: _dense(it.keyframes[-1], 5.0, 2.5) if it.said else SILENT, -1, 2.5),
    "simple_lr_keyframe": (lambda it: it.keyframes[-1] if it.several else 0.0, 0, 1),
    "mr_progressive_keyframe": (_progress_of_keyframes, -ENDLESS, ENDLESS),  # at most 1 a turn
    "lr_progressive_keyframe": (
        lambda it: _gain(it.keyframes[-1], max(it.keyframes[:-1]), GATED) if it.several else 0.0,
        -1,
        1,
    ),
    "lr_progressive_keyframe_dense": (
        lambda it: _rung(it.keyframes[-1] - max(it.keyframes[:-1]), ((0.05, 0.5), (-0.05, 0.0))) if it.several else 0.0,
        -1,
        0.5,
    ),
    "termination": (lambda it: _termination(it) if it.said else 0.0, -1, 1),
}
ABOUT_BOTH: Terms = {
    "pr_keyframe_valid": (
        lambda it: _mean([_gain(*pair, GAIN) for pair in zip(it.keyframes[1:], it.clips[1:], strict=True)]),
        -1,
        1,
    ),
    "lr_keyframe_vs_mask": (lambda it: _gain(it.keyframes[-1], it.clips[-1], GAIN) if it.several else 0.0, -1, 1),
    "lr_keyframe_vs_mask_dense": (
        lambda it: _rung(it.keyframes[-1] - it.clips[-1], ((0.1, 0.5), (-0.05, 0.0))) if it.several else 0.0,
        -1,
        0.5,
    ),
    "lr_keyframe_vs_best_mask": (
        lambda it: _gain(it.keyframes[-1], max(it.clips[:-1]), GATED) if it.several else 0.0,
        -1,
        1,
    ),
}
TERMS: Terms = {**ABOUT_WORDS, **ABOUT_FRAMES, **ABOUT_KEYFRAMES, **ABOUT_BOTH}
OF_FRAMES, OF_KEYFRAMES = {*ABOUT_FRAMES, *ABOUT_BOTH}, {*ABOUT_KEYFRAMES, *ABOUT_BOTH}
"""Terms that look at what was drawn on the frames of a clip, and on keyframes."""
