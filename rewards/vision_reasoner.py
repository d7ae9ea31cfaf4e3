"""VisionReasoner's reward of one reply, as its authors run it; `rewards/published.py` names its quirks."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

Term = Literal["thinking_format", "segmentation_format", "format", "accuracy", "non_repeat", "overall"]
Array = NDArray[np.float64]
MOST_OBJECTS = 120
"""Later ones are not looked at."""
_THOUGHT_THEN_ANSWER = re.compile(r"</think>\s*<answer>")


class Objects(NamedTuple):
    """Boxes [n, 4] and one point of each [n, 2], in pixels of the picture that the reply speaks of."""

    boxes: Array
    points: Array


def thinking_format(reply: str) -> float:
    """1 if it starts with <think> and ends with </answer>, and somewhere between them one gives way to the other."""
    if not reply.startswith("<think>") or not reply.endswith("</answer>"):
        return 0.0
    return float(_THOUGHT_THEN_ANSWER.search(reply, len("<think>"), len(reply) - len("</answer>")) is not None)


def segmentation_format(reply: str) -> float:
    """Mean over the items of [bbox_2d is a list of four] + [point_2d is a list of two]; it stops at what is no item."""
    items, earned = _answered(reply), 0
    for item in items:
        if isinstance(item, dict):
            earned += _is_list(item, "bbox_2d", 4) + _is_list(item, "point_2d", 2)
        elif not isinstance(item, list | str) or "bbox_2d" in item or "point_2d" in item:
            break
    return earned / max(len(items), 1)


def non_repeat(reply: str) -> float:
    """0 if two sentences or more repeat an earlier one; every full stop ends one."""
    sentences = [each for each in map(str.strip, reply.split(".")) if each]
    return float(len(sentences) - len(set(sentences)) < 2)


def accuracy_parts(reply: str, true: Objects) -> tuple[float, float, float]:
    """What boxes (IoU > 0.5), boxes (L1 < 10) and points (< 30, in its own box) earn in the best one-to-one matching.

    Each is a sum over matched pairs, divided by the greater number of objects.
    """
    said = _objects(reply)
    if said is None or not len(true.boxes):
        return 0.0, 0.0, 0.0
    right = hits(said, Objects(true.boxes[:MOST_OBJECTS], true.points[:MOST_OBJECTS]))
    rows, columns = matched(3.0 - right.sum(0))
    iou, apart, away = (right[:, rows, columns].sum(1) / max(right.shape[1:])).tolist()
    return iou, apart, away


def hits(said: Objects, true: Objects) -> NDArray[np.bool_]:
    """[3, P, K]: does each said object hit each true one, by IoU, by L1, by point?"""
    with np.errstate(all="ignore"):  # a box may hold NaN, or have no area: it hits nothing
        low = np.maximum(said.boxes[:, None, :2], true.boxes[None, :, :2])
        high = np.minimum(said.boxes[:, None, 2:], true.boxes[None, :, 2:])
        shared = np.maximum(high - low + 1, 0).prod(2)
        areas = [(each.boxes[:, 2:] - each.boxes[:, :2] + 1).prod(1) for each in (said, true)]
        iou = shared / (areas[0][:, None] + areas[1][None] - shared)
        apart = np.abs(said.boxes[:, None] - true.boxes[None]).mean(2)
        away = np.sqrt(np.square(said.points[:, None] - true.points[None]).sum(2))
        own = ((said.boxes[:, :2] <= said.points) & (said.points <= said.boxes[:, 2:])).all(axis=1, keepdims=True)
        return np.array([iou > 0.5, apart < 10, (away < 30) & own])


def _answered(reply: str) -> list[Any]:
    """The list in the first answer; empty if there is none."""
    start = reply.find("<answer>")
    end = reply.find("</answer>", start)
    if start < 0 or end < 0:
        return []
    try:
        said = json.loads(reply[start + len("<answer>") : end].strip())
    except (ValueError, RecursionError):
        return []
    return cast(list[Any], said) if isinstance(said, list) else []


def _is_list(item: Any, key: str, length: int) -> bool:
    said = cast(Mapping[str, Any], item).get(key) if isinstance(item, dict) else None
    return isinstance(said, list) and len(cast(list[Any], said)) == length


def _objects(reply: str) -> Objects | None:
    """Boxes and points of the items; None if there is none or any of them is not complete."""
    items = _answered(reply)
    if not items or not all(_is_list(each, "bbox_2d", 4) and _is_list(each, "point_2d", 2) for each in items):
        return None
    numbers = [number for each in items for number in (*each["bbox_2d"], *each["point_2d"])]
    if not all(isinstance(each, int | float) for each in numbers):
        return None
    try:
        rows = np.array(numbers, np.float64).reshape(-1, 6)[:MOST_OBJECTS]
    except OverflowError:  # a whole number of 400 digits
        return None
    return Objects(rows[:, :4], rows[:, 4:])


def matched(cost: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the cheapest one-to-one matching."""
    from scipy.optimize import linear_sum_assignment  # pyright: ignore

    return linear_sum_assignment(cost)  # pyright: ignore


TERMS: dict[Term, tuple[Callable[[str, Objects], float], float, float]] = {
    "thinking_format": (lambda reply, _: thinking_format(reply), 0, 1),
    "segmentation_format": (lambda reply, _: segmentation_format(reply), 0, 2),
    "format": (lambda reply, _: thinking_format(reply) + segmentation_format(reply), 0, 3),
    "accuracy": (lambda reply, true: sum(accuracy_parts(reply, true)), 0, 3),
    "non_repeat": (lambda reply, _: non_repeat(reply), 0, 1),
    "overall": (
        lambda reply, true: sum(TERMS[each][0](reply, true) for each in ("format", "accuracy", "non_repeat")),
        0,
        7,
    ),
}
"""Term → how it is computed, its least and its most."""
OF_BOXES = ("accuracy", "overall")
"""Terms that look at the true boxes and points."""
