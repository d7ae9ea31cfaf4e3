"""How hard tasks look to a model that sees them, rated once before training and kept in a file.

    question, some frames ─▶ Endpoint ─▶ [3, 8, 5, 6, 2] ─▶ ratings.json   {"revos/17": [3, 8, 5, 6, 2], …}
    a clip of the lab ─▶ its state ────────┘

The five axes are those of VideoSeg-R1 (arXiv 2511.16077).
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from framework.errors import DataError, UserError
from framework.files import on_disk, whole
from framework.remote.endpoint import Content, Endpoint
from framework.types import Broken, Picture, Task, Video
from framework.vision.plan import shrunk

AXES = {
    "scene complexity": "how many things there are, and how cluttered the place is",
    "segmentation challenge": "how hard the target's outline is to draw: small, thin, hidden, like its surroundings",
    "temporal ambiguity": "how hard it is to say when the target is meant",
    "motion complexity": "how fast and how irregularly things and the camera move",
    "linguistic ambiguity": "how hard the question is to understand, and how much must be concluded",
}
LEAST, MOST = 1, 10
"""A rating lies between."""
FRAMES, SIDE = 8, 448
"""Frames that a rater is shown, and pixels along the longer side of each."""

Ratings = Mapping[str, tuple[float, ...]]
"""Task → a rating on each axis."""
Rater = Endpoint | Literal["lab"]
"""A model that is asked, or the rules of the synthetic world for its own clips."""

PROMPT = "\n".join(
    [
        "Someone must find what this question means, in the clip these frames are from, and draw its outline.",
        "Question: {question}",
        f"How hard is that? Rate it from {LEAST} (easy) to {MOST} (very hard) on each of these:",
        *(f"- {name}: {meaning}" for name, meaning in AXES.items()),
        f"Say only the {len(AXES)} numbers, in this order, as [3, 8, 5, 6, 2].",
    ]
)


def rate(tasks: Sequence[Task], rater: Rater) -> Sequence[tuple[float, ...] | Broken]:
    """The rater's ratings of each task."""
    if rater == "lab":
        return by_lab(tasks)
    return rater.ask([_shown(task) for task in tasks], _read_reply)


def by_lab(tasks: Sequence[Task]) -> list[tuple[float, ...]]:
    """What the lab says of its own clips."""
    from framework.lab import rater

    return [rater.rate(task) for task in tasks]


def _shown(task: Task) -> Content:
    """What the rater is asked, and shown."""
    count = min(FRAMES, task.video.length)
    frames = np.linspace(0, task.video.length - 1, count).astype(int).tolist()
    pictures = [{"type": "image_url", "image_url": {"url": _jpeg(task.video, frame)}} for frame in frames]
    return [*pictures, {"type": "text", "text": PROMPT.replace("{question}", task.question)}]


def _jpeg(video: Video, frame: int) -> str:
    import cv2

    from framework.vision.frames import pixels

    size = shrunk(video, SIDE)
    done, data = cv2.imencode(".jpg", pixels(Picture(video, frame, size))[..., ::-1])
    assert done, f"a picture of {size} cannot be written as jpeg"
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"


def _read_reply(reply: str) -> tuple[float, ...] | None:
    """The last list of a reply, if it is one of ratings."""
    lists: list[str] = re.findall(r"\[[\d\s.,]*\]", reply)
    try:
        return _ratings(json.loads(lists[-1])) if lists else None
    except ValueError:
        return None


def _ratings(said: Any) -> tuple[float, ...] | None:
    """One number from 1 to 10 on each axis, or None."""
    numbers = cast(list[Any], said) if isinstance(said, list) else []
    fine = [each for each in numbers if isinstance(each, int | float) and not isinstance(each, bool)]
    sound = len(fine) == len(numbers) == len(AXES) and all(LEAST <= each <= MOST for each in fine)
    return tuple(fine) if sound else None


# ---- the file --------------------------------------------------------------------------------------------------------


def read(path: Path) -> Ratings:
    """All ratings of a file."""
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; make it with: limner reward rate RECIPE") from None


@lru_cache(maxsize=8)
def _read(path: Path, changed: int) -> Ratings:
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: no JSON ({error}); mend it, or delete it and rate again") from None
    if not isinstance(there, dict):
        raise DataError(f"{path}: should be a mapping of tasks to {len(AXES)} ratings; delete it and rate again")
    known: dict[str, tuple[float, ...]] = {}
    for task, said in cast(Mapping[str, Any], there).items():
        if (ratings := _ratings(said)) is None:
            wanted = f"it should be {len(AXES)} numbers from {LEAST} to {MOST}"
            raise DataError(f"{path}: {task}: {str(said)[:60]} will not do; {wanted}")
        known[task] = ratings
    return known


def write(path: Path, ratings: Ratings) -> None:
    """All ratings into a file, one task a line."""
    lines = [f"{json.dumps(task, ensure_ascii=False)}: {json.dumps(list(each))}" for task, each in ratings.items()]
    with on_disk(path), whole(path) as part:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text("{\n" + ",\n".join(sorted(lines)) + "\n}\n", encoding="utf-8")
