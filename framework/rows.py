"""Rows of a source, held to what a task promises: one that cannot be played is named, and stops the run or is counted.

source ─▶ row 17 ─▶ Task ─▶ sound? ─▶ tasks
                               └────▶ faults: "row 17 of data.train: …"
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, SupportsIndex, cast

from framework.errors import DataError, GeometryError, LimnerError, PixelError
from framework.fault import short
from framework.registry import raised
from framework.source import Source
from framework.types import AnyMask, Mask, Task, Truth, Video
from framework.vision.boxes import Box, Interval, Space


@dataclass(frozen=True, slots=True)
class Rows:
    """What came of some rows."""

    tasks: tuple[Task, ...]
    faults: tuple[DataError, ...] = ()
    """Rows that were left out, because the recipe says `faulty: skip`."""

    @property
    def left_out(self) -> str:
        """How many, and why the first; empty if none was."""
        if not self.faults:
            return ""
        return f"left out: {len(self.faults)} of {len(self.tasks) + len(self.faults)} rows; the first: {self.faults[0]}"


def lot(source: Source, count: int, seed: int) -> list[int]:
    """The numbers of `count` rows drawn at random, none twice; of all rows, shuffled, if there are no more."""
    there = size(source)
    return random.Random(seed).sample(range(there), min(count, there))


def size(source: Source) -> int:
    """How many rows there are. The source may be a user's own: what that raises becomes a DataError with its place."""
    try:
        there: Any = source.size()
    except LimnerError:
        raise
    except Exception as error:
        raise DataError(f"{type(source).__name__}: {raised(error)}; mend it") from None
    if not isinstance(there, SupportsIndex) or int(there) < 0:
        raise DataError(f"{type(source).__name__}.size gave {short(there)}; give the number of rows")
    return int(there)


def read(source: Source, rows: Iterable[int], faulty: Literal["stop", "skip"] = "stop") -> Rows:
    """The tasks of these rows, in order; at least one."""
    found = some(source, rows, faulty)
    if not found.tasks:
        faults = found.faults
        why = f"all {len(faults)} rows are faulty; the first: {faults[0]}" if faults else "it has no rows"
        raise DataError(f"{type(source).__name__}: {why}")
    named: dict[str, Task] = {}
    for task in found.tasks:
        if named.setdefault(task.id, task) != task:
            asked = f"{short(named[task.id].question)} and {short(task.question)}"
            raise DataError(
                f"{type(source).__name__}: {asked} are both called {task.id!r}; give each task an id of its own"
            )
    return found


def some(source: Source, rows: Iterable[int], faulty: Literal["stop", "skip"] = "stop") -> Rows:
    """The same, and it may be none."""
    tasks: list[Task] = []
    faults: list[DataError] = []
    for row in rows:
        try:
            tasks.append(sound(source, row))
        except DataError as error:
            if faulty == "stop":
                raise
            faults.append(error)
    return Rows(tuple(tasks), tuple(faults))


def sound(source: Source, row: int) -> Task:
    """The task of one row. Raises DataError if its frames cannot be read or its truth does not fit them."""
    where = f"row {row} of {type(source).__name__}"
    try:
        task: Any = source.task(row)
        if not isinstance(task, Task):
            raise DataError(f"gave {short(task)}, where a Task belongs")
        fault = next(_faults(task), "")
        if not fault:
            _look(task.video)
    except (DataError, GeometryError, PixelError) as error:
        raise DataError(f"{where}: {error}; {REMEDY}") from None
    except LimnerError:
        raise
    except Exception as error:
        raise DataError(f"{where}: {raised(error)}; {REMEDY}") from None
    if fault:
        raise DataError(f"{where} ({task.id}, {task.video.source}): {fault}; {REMEDY}")
    return task


LEAST = 0.5
"""Original pixels, of which a box has more."""
REMEDY = "mend it, or leave such rows out with data.faulty=skip"


def _look(video: Video) -> None:
    from framework.vision.frames import frame

    frame(video, 0)


def _faults(task: Task) -> Iterator[str]:
    video, truth = task.video, task.truth
    yield from (f"its {name} is {short(said)}, and no text" for name, said in _words(task) if not isinstance(said, str))
    if video.length < 1 or min(video.width, video.height) < 1:
        yield f"no frames ({video.length} of {video.width}×{video.height})"
    if not (truth.present or truth.boxes or truth.masks or truth.interval or truth.answer or truth.world):
        yield "the truth is empty, so no reward could be given"
    if truth.present and len(truth.present) != video.length:
        yield f"the truth says of {len(truth.present)} frames whether the target is there, the clip has {video.length}"
    for frame in sorted({*truth.boxes, *truth.masks}):
        if not 0 <= frame < video.length:
            yield f"the truth speaks of frame {frame}, the clip has {video.length}"
    for frame, boxes in truth.boxes.items():
        if odd := _no_boxes(boxes, video.space(frame)):
            yield f"the boxes of frame {frame}: {odd}"
    yield from (fault for frame, mask in truth.masks.items() if (fault := _misfit(frame, mask, video)))
    yield from _late(truth, video)


def _words(task: Task) -> Iterator[tuple[str, Any]]:
    yield from (("id", task.id), ("question", task.question), ("answer", task.truth.answer))


def _no_boxes(boxes: Any, whole: Space) -> str:
    """What is wrong with what should be a tuple of boxes; x, y, width and height are soon taken for corners, and shares
    of a picture for its pixels."""
    if not isinstance(boxes, Sequence):
        return f"{short(boxes)} is no tuple of boxes"
    for box in cast(Sequence[Any], boxes):
        if not isinstance(box, Box):
            return f"{short(box)} is no Box"
        if box.space.picture != whole.picture:
            return f"{list(box.corners)} lies in the space of {box.space.picture}; give it video.space({whole.frame})"
        if box.clamped().to(whole).area < LEAST:
            return f"{list(box.corners)} has no area in its picture; give x0, y0, x1, y1 in the units of its space"
    return ""


def _misfit(frame: int, mask: AnyMask, video: Video) -> str:
    if (mask.width, mask.height) != (video.width, video.height):
        return f"the mask of frame {frame} is {mask.width}×{mask.height}, the frame {video.width}×{video.height}"
    if isinstance(mask, Mask) and sum(mask.runs) != mask.width * mask.height:
        return f"the mask of frame {frame} has runs for {sum(mask.runs)} of {mask.width * mask.height} pixels"
    return ""


def _late(truth: Truth, video: Video) -> Iterator[str]:
    if truth.interval is None:
        return
    interval = truth.interval.in_frames(video.fps)
    if interval != Interval(int(interval.start), int(interval.end)):
        yield f"the true interval {interval.start:g}–{interval.end:g} ends within frames; if it is seconds, say so"
    if not 0 <= interval.start <= interval.end < video.length:
        yield f"the true interval {interval.start:g}–{interval.end:g} does not lie in the clip's {video.length} frames"
