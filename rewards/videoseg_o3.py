"""VideoSEG-O3's registered terms, as its authors run them; `rewards/published.py` names their quirks.

A text is read in time linear in its length, whatever it holds.
"""

import ast
import json
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np

from framework.chat.grammar import LONGEST
from framework.types import Failure, Malformed, NotApplicable

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

_THOUGHT_THEN = re.compile(r"</think>\s*<(answer|select)>")
_OPENING = re.compile(r"<(answer|select)>")
_THINK, _THOUGHT = re.compile("<think>", re.IGNORECASE), re.compile("</think>", re.IGNORECASE)
STEPS = ("step 1", "step 2", "step 3", "action")


def _thought_then(text: str, tags: Sequence[str] = ("answer", "select"), anywhere: bool = False) -> str | None:
    """The inside of the first of these blocks that follows a thought, which starts the text or stands anywhere."""
    start = text.find("<think>")
    if start < 0 or (start > 0 and not anywhere):
        return None
    open_ = set(tags)
    for found in _THOUGHT_THEN.finditer(text, start + len("<think>")):
        tag = found[1]
        if tag in open_:
            end = text.find(f"</{tag}>", found.end())
            if end >= 0:
                return text[found.end() : end]
            open_.remove(tag)  # nor does it close after a later opening: that keeps this linear
    return None


def _inside(text: str, tag: str) -> str | None:
    """What stands in the first <tag>…</tag>."""
    start = text.find(f"<{tag}>")
    end = text.find(f"</{tag}>", start)
    return text[start + len(tag) + 2 : end] if 0 <= start < end else None


def _is_strict(text: str) -> bool:
    block = _thought_then(text, anywhere=True)
    place, mask = (_inside(block, "VTG"), _inside(block, "RefSeg")) if block is not None else (None, None)
    if place is None or mask is None or "[SEG]" not in mask:
        return False
    try:
        said = json.loads(place)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and {"start", "end", "keyframe"} <= cast(Mapping[str, Any], said).keys()


def thought(text: str) -> str | None:
    """The inside of the first thought, its tags in letters of any size."""
    opening = _THINK.search(text)
    closing = _THOUGHT.search(text, opening.end()) if opening else None
    return text[opening.end() : closing.start()] if opening and closing else None


def _steps(text: str) -> float:
    """The share of the four headings that stand in the first thought, as letters."""
    inside = (thought(text) or "").lower()
    return sum(step in inside for step in STEPS) / len(STEPS)


def last_place(text: str) -> str | None:
    """What stands in the <VTG> of the last block that has one before it closes."""
    said, past, open_ = None, 0, {"answer", "select"}
    for opening in _OPENING.finditer(text):
        tag = opening[1]
        if opening.start() < past or tag not in open_:
            continue
        start = text.find("<VTG>", opening.end())
        end = text.find("</VTG>", start)
        if start < 0 or end < 0:
            break
        closing = text.find(f"</{tag}>", end)
        if closing < 0:
            open_.remove(tag)
            continue
        said, past = text[start + len("<VTG>") : end], closing + len(tag) + 3
    return said


def _place(text: str, length: int) -> tuple[int, int, int] | None:
    """start, end and keyframe, pulled into a clip of `length` frames; what is not said is 0."""
    said = _literal(last_place(text) or "")
    if not isinstance(said, dict):
        return None
    values = [cast(Mapping[str, Any], said).get(key, 0) for key in ("start", "end", "keyframe")]
    try:
        start, end, keyframe = [int(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0, min(start, length)), max(0, min(end, length)), max(0, min(keyframe, length - 1))


def _literal(said: str) -> Any:
    """What it means as a value of Python; None if nothing. A block of more than LONGEST characters is not read."""
    if not said or len(said) > LONGEST:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's own, about odd escapes
        try:
            return ast.literal_eval(said.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return None


def _precision(text: str, present: Sequence[bool]) -> np.float32 | None:
    """The share of the said frames that show the target, in its authors' float32; None if no frame is said."""
    place = _place(text, len(present))
    if place is None or place[0] >= place[1]:
        return None
    start, end, _ = place
    if not any(present):
        return np.float32(1)
    return np.float32(sum(present[start:end])) / (np.float32(end - start) + np.float32(1e-6))


def _passes(text: str, present: Sequence[bool]) -> float:
    precision = _precision(text, present)
    return 0.5 if precision is not None and precision > 0.5 else -0.5


def _keyframe(text: str, present: Sequence[bool]) -> Value:
    place = _place(text, len(present))
    if place is None:
        return -1.0
    if not present:
        return NotApplicable("the task does not say where the target is")
    return 1.0 if present[place[2]] else -1.0


def _keyframes(played: Played) -> Value:
    turns = [_keyframe(each, played.present) for each in played.said]
    failure = next((each for each in turns if not isinstance(each, float)), None)
    return failure or _mean([each for each in turns if isinstance(each, float)], -1.0)


def _dense_precision(text: str, present: Sequence[bool]) -> float:
    precision = _precision(text, present)
    return 0.5 * float(precision) if precision is not None and precision >= 0.5 else -0.5


def _termination(played: Played) -> Value:
    last, iou = played.said[-1], played.keyframes[-1]
    if _inside(last, "answer") is not None:
        return 1.0 if iou > 0.8 else -1.0 if iou < 0.2 else 0.0
    return float(_inside(last, "select") is not None and iou < 0.5)


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
TERMS: dict[Term, tuple[Callable[[Played], Value], float, float]] = {
    "think_format": (lambda it: float(_thought_then(it.said[0], ("answer",)) is not None) if it.said else SILENT, 0, 1),
    "think_select_format": (lambda it: float(_thought_then(it.said[0]) is not None) if it.said else SILENT, 0, 1),
    "strict_format_cot": (lambda it: 2.0 * all(map(_is_strict, it.said)) - 1 if it.said else 0.0, -1, 1),
    "step_format_cot": (lambda it: _mean([_steps(each) for each in it.said]), 0, 1),
    "vtg_iou": (lambda it: _mean([_passes(each, it.present) for each in it.said], -0.5), -0.5, 0.5),
    "lr_vtg_iou": (lambda it: _passes(it.said[-1], it.present) if it.said else -0.5, -0.5, 0.5),
    "lr_vtg_iou_dense": (lambda it: _dense_precision(it.said[-1], it.present) if it.said else -0.5, -0.5, 0.5),
    "vtg_keyframe": (_keyframes, -1, 1),
    "lr_vtg_keyframe": (lambda it: _keyframe(it.said[-1], it.present) if it.said else -1.0, -1, 1),
    "pr_maskiou": (lambda it: _mean([_coarse(turn) for turn in it.frames]), -1, 1),
    "lr_maskiou": (lambda it: _coarse(it.frames[-1]) if it.frames else 0.0, -1, 1),
    "lr_maskiou_dense": (
        lambda it: _mean([_dense(iou, 3.0, 1.5) for iou in it.frames[-1]], -1.0) if it.frames else 0.0,
        -1,
        1.5,
    ),
    "simple_lr_maskiou": (lambda it: it.clips[-1] if it.frames else 0.0, 0, 1),
    "mr_progressive_maskiou": (_progress_of_masks, -ENDLESS, ENDLESS),  # at most 1 a turn
    "lr_keyframeiou": (lambda it: _rung(it.keyframes[-1], COARSE) if it.several else 0.0, -1, 1),
    "lr_keyframeiou_dense": (lambda it: _dense(it.keyframes[-1], 5.0, 2.5) if it.said else SILENT, -1, 2.5),
    "simple_lr_keyframe": (lambda it: it.keyframes[-1] if it.several else 0.0, 0, 1),
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
"""Term → how it is computed, its least and its most."""
OF_MASKS = set(list(TERMS)[list(TERMS).index("pr_maskiou") :])
"""Terms that look at what was drawn."""
