"""Episodes as a page draws them: plain JSON in which every mark is counted in original pixels of its frame.

    Entry ─┬▶ task: question, clip, truth per frame        (once for all episodes of a task)
           ├▶ focus: what a sampler asked and was told, the segment and the frame that it found
           └▶ turns: what was seen, what was said, what it meant; the end: scene, parts, total

A picture is an image and the part of the frame it shows; whoever draws it lays the frame's marks over that part.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.record import Entry, scene
from framework.sampler import percentage
from framework.types import Answer, AnyMask, Item, Malformed, Parsed, Picture, RewardBreakdown, Select, Task, Turn, Zoom
from framework.vision import masks
from framework.vision.boxes import Box, Interval, Point
from framework.vision.plan import at

Board = dict[str, Any]
Image = Callable[[str], int | None]
"""The page's number of a stored picture; None if its file is gone."""

FINEST = 160
"""Cells along the longer side of a mask as it is drawn."""


def task(task: Task) -> Board:
    """What all episodes of a task share."""
    video, truth = task.video, task.truth
    frames = sorted({*truth.boxes, *truth.masks})
    return {
        "id": task.id,
        "question": task.question,
        "kind": truth.kind,
        "answer": truth.answer,
        "source": video.source,
        "length": video.length,
        "size": [video.width, video.height],
        "fps": video.fps,
        "present": stretches(truth.present),
        "interval": _interval(truth.interval, task),
        "truth": {
            frame: {
                "boxes": [_box(box) for box in truth.boxes.get(frame, ())],
                "mask": outline(truth.masks[frame], video.width) if frame in truth.masks else None,
            }
            for frame in frames
        },
    }


def episode(entry: Entry, image: Image) -> Board:
    """One episode, turn by turn."""
    played = entry.episode
    names = iter(entry.pictures)
    return {
        "policy": entry.policy,
        "stage": entry.stage,
        "group": entry.group,
        "advantage": entry.advantage,
        "stop": played.stop.value,
        "error": played.error,
        "focus": _focus(played.task),
        "turns": [_turn(turn, played.task, names, image) for turn in played.turns],
        "scene": _picture(scene(played), entry.scene, image) if entry.scene else None,
        **_earned(entry.earned),
    }


def _earned(earned: RewardBreakdown | None) -> Board:
    if earned is None:
        return {"total": None, "parts": {}, "failures": {}}
    failures = {name: [type(each).__name__, each.reason] for name, each in earned.failures.items()}
    return {"total": earned.total, "parts": dict(earned.parts), "failures": failures}


# ---- before the game -------------------------------------------------------------------------------------------------


def _focus(task: Task) -> Board | None:
    """Where the game was to look: the questions on the way there, with all replies to each, and what was found."""
    if task.focus is None:
        return None
    alike = groupby(task.focus.trace, lambda turn: turn.seen)
    return {
        "segment": _interval(task.focus.segment, task),
        "target": task.focus.target,
        "asked": [_asked([frame.frame for frame in seen.pictures], list(turns), task) for seen, turns in alike],
    }


def _asked(seen: list[int], turns: Sequence[Turn], task: Task) -> Board:
    """One question: the stretches that were said of the frames that were shown, or the frames that a share leads to."""
    answers = [turn.said.parsed for turn in turns if isinstance(turn.said.parsed, Answer)]
    stretches = [stretch for each in answers if (stretch := _interval(each.interval, task))]
    shares = [share for each in answers if not each.interval and (share := percentage(each)) is not None]
    shown = Interval(min(seen, default=0), max(seen, default=task.video.length - 1))
    return {
        "seen": seen,
        "stretches": stretches,
        "frames": [at(shown, share) for share in shares],
        "unread": len(turns) - len(stretches) - len(shares),
        "replies": [turn.said.text for turn in turns],
    }


# ---- turns -----------------------------------------------------------------------------------------------------------


def _turn(turn: Turn, task: Task, names: Iterator[str], image: Image) -> Board:
    seen = [
        part if isinstance(part, str) else _picture(part, next(names, ""), image) for part in turn.seen.content if part
    ]
    said = turn.said
    return {"seen": seen, "reply": said.text, "cut_off": said.cut_off, **_meaning(said.parsed, task)}


def _picture(picture: Picture, name: str, image: Image) -> Board:
    width, height = picture.video.width, picture.video.height
    region = _box(picture.crop) if picture.crop else [0, 0, width, height]
    return {
        "image": image(name),
        "frame": picture.frame,
        "role": picture.role.value,
        "size": picture.size,
        "region": region,
        "part": picture.crop is not None,
        "grain": picture.grain,
    }


def _meaning(parsed: Parsed, task: Task) -> Board:
    """What a reply meant, in words, on the time line and on frames."""
    match parsed:
        case Malformed(reason):
            return {"did": "malformed", "words": reason}
        case Select(interval, keyframe):
            stretch = f"frames {interval.start:g}–{interval.end:g}, {keyframe} large"
            words = f"looks at {stretch if interval.end > interval.start else f'frame {keyframe}'}"
            return {"did": "select", "words": words, "interval": _interval(interval, task), "keyframe": keyframe}
        case Zoom(frame, box):
            return {"did": "zoom", "words": f"zooms on frame {frame}", "marks": [_mark(frame, "zoom", box)]}
        case Answer():
            marks = [mark for item in parsed.items for mark in _said(item)]
            interval = _interval(parsed.interval, task)
            words = _answer_words(parsed)
            return {"did": "answer", "words": words, "interval": interval, "keyframe": parsed.keyframe, "marks": marks}


def _answer_words(answer: Answer) -> str:
    about = f"about frame {answer.keyframe}" if answer.keyframe is not None else ""
    things = f"{len(answer.items)} object{'s' if len(answer.items) > 1 else ''}" if answer.items else ""
    return ", ".join(word for word in ("answers", about, things) if word)


def _said(item: Item) -> Iterator[Board]:
    if item.box:
        yield _mark(item.box.space.frame, "box", item.box)
    if item.point:
        yield _mark(item.point.space.frame, "point", item.point)
    yield from (_mark(point.space.frame, "negative", point) for point in item.negatives)


def _mark(frame: int, kind: str, place: Box | Point) -> Board:
    at = _box(place) if isinstance(place, Box) else _point(place)
    return {"frame": frame, "kind": kind, "at": at}


def _box(box: Box) -> list[float]:
    return [round(value, 2) for value in box.to(box.space.original()).corners]


def _point(point: Point) -> list[float]:
    there = point.to(point.space.original())
    return [round(there.x, 2), round(there.y, 2)]


def _interval(interval: Interval | None, task: Task) -> list[float] | None:
    """First and last frame."""
    if interval is None:
        return None
    frames = interval.in_frames(task.video.fps)
    return [frames.start, frames.end]


# ---- shapes ----------------------------------------------------------------------------------------------------------


def stretches(there: Sequence[bool] | NDArray[np.bool_]) -> list[list[int]]:
    """First and last of each stretch of True.

    >>> stretches([False, True, True, False, True])
    [[1, 2], [4, 4]]
    """
    edges = np.flatnonzero(np.diff(np.array(there, np.int8), prepend=0, append=0)).reshape(-1, 2)
    return [[int(first), int(end) - 1] for first, end in edges]


def outline(mask: AnyMask, width: int) -> Board:
    """A mask as an SVG path of upright bars, no finer than needed, and how much larger its cells are than pixels."""
    dense = masks.decode(mask)
    step = -(-max(dense.shape) // FINEST)
    cells = dense[step // 2 :: step, step // 2 :: step]
    return {"path": "".join(_bars(cells)), "scale": step * width / mask.width}


def _bars(cells: NDArray[np.bool_]) -> Iterator[str]:
    """Equal neighbouring columns are one bar wide."""
    changes = np.flatnonzero((cells[:, 1:] != cells[:, :-1]).any(0)) + 1
    for x, end in pairwise([0, *changes.tolist(), cells.shape[1]]):
        yield from (f"M{x} {top}h{end - x}v{bottom - top + 1}h{x - end}z" for top, bottom in stretches(cells[:, x]))
