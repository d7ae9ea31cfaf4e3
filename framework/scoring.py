"""Predictions held against prepared data by a published protocol, on all cores.

    OUT/<dataset>/<split>/ ─▶ a video's rows ─┬▶ process ─▶ its predictions, pixels, numbers ─┬─▶ Scores ─▶ scores.json
                                              └▶ process ─▶ …                                 ┘             scores.csv

Rows hold run lengths; each process reads what was predicted for them, and only there are pixels made of either.
"""

import csv
import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np

from framework.data import prepared
from framework.data.prepared import Row, Tables
from framework.data.schema import FOREGROUND, IGNORED
from framework.errors import DataError, UserError
from framework.figures import names
from framework.files import on_disk
from framework.machine import cores
from framework.types import AnyMask, Mask
from framework.vision import masks, predictions
from framework.vision.predictions import Predictions
from framework.vision.protocols.protocol import Case, Line, Pair, Protocol, Scored

LARGEST = 2**25 - 2**16
"""Bytes: as large as glibc minds."""
AHEAD = 4
"""Videos that are handed out for each process at a time: none waits, and few are held."""

Tell = Callable[[int, int], None]
"""Told after each video: how many are done, of how many."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is held against what."""

    folder: Path
    """OUT/<dataset>/<split>."""
    said: Path
    protocol: Protocol


@dataclass(frozen=True, slots=True)
class Scores:
    """What came of it."""

    job: Job
    scored: tuple[Scored, ...]
    """One for each expression, in the order of the data."""

    @property
    def lines(self) -> list[Line]:
        return self.job.protocol.lines(self.scored)

    @property
    def missing_frames(self) -> int:
        return sum(each.missing_frames for each in self.scored)

    def summary(self) -> dict[str, Any]:
        """As scores.json has it; all scores from 0 to 1."""
        *types, whole = self.lines
        return {
            "dataset": self.job.folder.parent.name,
            "split": self.job.folder.name,
            "protocol": self.job.protocol.name,
            "compat": self.job.protocol.compat,
            "n": whole.n,
            "missing": whole.missing,
            "missing_frames": self.missing_frames,
            **whole.values,
            "by_type": {line.name: {"n": line.n, "missing": line.missing, **line.values} for line in types},
        }

    def write(self, folder: Path) -> None:
        """scores.json, and scores.csv with a line for each expression."""
        with on_disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "scores.json").write_text(json.dumps(self.summary(), indent=2) + "\n")
            with (folder / "scores.csv").open("w", newline="") as file:
                table = csv.DictWriter(file, names(map(_csv_row, self.scored)))
                table.writeheader()
                table.writerows(_csv_row(each) for each in self.scored)


def _csv_row(scored: Scored) -> dict[str, Any]:
    told = {name: getattr(scored, name) for name in ("video", "expression", "type", "missing", "missing_frames")}
    both = {"j_and_f": (scored.values["j"] + scored.values["f"]) / 2}
    return told | {"missing": int(scored.missing)} | both | dict(scored.values)


def score(job: Job, processes: int | None = None, tell: Tell = lambda done, of: None) -> Scores:
    """All expressions, on all cores if no number of processes is said."""
    predictions.opened(job.said)  # what is not there is told before anything begins
    tables = prepared.tables(str(job.folder))
    videos = by_video(tables, job)
    asked = (asked_of(tables, rows) for rows in videos)
    count = min(processes or cores(), len(videos))
    found: dict[int, list[Scored]] = {}
    for number, scored in _in_here(job, asked) if count == 1 else _in_processes(job, asked, count):
        found[number] = scored
        tell(len(found), len(videos))
    scores = Scores(job, tuple(each for number in range(len(videos)) for each in found[number]))
    if all(each.missing for each in scores.scored):
        first = scores.scored[0]
        raise DataError(
            f"{job.said}: has a prediction for none of {len(scores.scored)} expressions; they are named as in "
            f"{first.video}/{first.expression}/<frame>.png, or in the columns video_id and expression_id"
        )
    return scores


def by_video(tables: Tables, job: Job) -> list[list[int]]:
    """The rows of each video's expressions."""
    known = tables.expressions["has_gt"][:]
    if not any(known):
        raise UserError(
            f"{job.folder}: its masks are kept on a server; write what that takes with limner score … --export DIR"
        )
    rows: dict[str, list[int]] = {}
    for row, video in enumerate(tables.expressions["video_id"][:]):
        if known[row]:
            rows.setdefault(video, []).append(row)
    return list(rows.values())


@dataclass(frozen=True, slots=True)
class VideoRows:
    """What is asked of one video, and its objects: rows of the two tables."""

    expressions: tuple[Row, ...]
    objects: Mapping[str, Row]


def asked_of(tables: Tables, rows: Sequence[int]) -> VideoRows:
    expressions = tuple(cast(Row, tables.expressions[row]) for row in rows)
    video = expressions[0]["video_id"]
    beside = [name for name in (FOREGROUND, IGNORED) if (video, name) in tables.places]
    names = dict.fromkeys([name for each in expressions for name in each["anno_ids"]] + beside)
    return VideoRows(expressions, {name: tables.object(video, name) for name in names})


def export(said: Path, folder: Path, out: Path, tell: Tell = lambda done, of: None) -> tuple[int, int]:
    """Predictions for all expressions of a folder of prepared data, as servers take them.

    The result is how many expressions there are, and how many of them were not predicted, or not in all frames.

    OUT/Annotations/<video>/<expression>/<frame>.png, 0 and 255; what was not predicted is empty.
    """
    tables, given = prepared.tables(str(folder)), predictions.opened(said)
    count = len(tables.expressions)
    lacking = 0
    for done in range(count):
        row = cast(Row, tables.expressions[done])
        (height, width), names = row["size"], predictions.stems(row["frames"], row["length"])
        video, expression = row["video_id"], row["expression_id"]
        found = given.read(video, expression, dict(enumerate(names)), width, height)
        drawn: Mapping[int, AnyMask] = found.masks if found else {}
        lacking += len(drawn) < len(names)
        empty = masks.together((), width, height)
        each = {name: drawn.get(frame, empty) for frame, name in enumerate(names)}
        predictions.export(out / "Annotations", video, expression, each)
        tell(done + 1, count)
    return count, lacking


# ---- at work ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Worker:
    """What one process has at hand."""

    protocol: Protocol
    said: Predictions

    def video(self, asked: VideoRows) -> list[Scored]:
        """What the expressions of one video score, in the order of their rows."""
        seen = {name: prepared.outlines(row) for name, row in asked.objects.items()}
        pairs = [self._pair(row, the_case(row, seen)) for row in asked.expressions]
        place = {case.expression: number for number, (case, _) in enumerate(pairs)}
        return sorted(self.protocol.video(pairs), key=lambda each: place[each.expression])

    def _pair(self, row: Row, case: Case) -> Pair:
        names = predictions.stems(row["frames"], row["length"])
        wanted = {frame: names[frame] for frame in self.protocol.frames(case)}
        return case, self.said.read(case.video, case.expression, wanted, case.width, case.height)


def the_case(row: Row, seen: Mapping[str, Mapping[int, Mask]]) -> Case:
    """The truth of an expression's row, of all that is outlined in its video."""
    height, width = row["size"]
    return Case(
        video=row["video_id"],
        expression=row["expression_id"],
        type=row["expression_type"],
        length=row["length"],
        width=width,
        height=height,
        annotated=tuple(sorted(row["eval_frame_idx"])),
        objects=tuple(seen[name] for name in row["anno_ids"]),
        foreground=seen.get(FOREGROUND),
        ignored=seen.get(IGNORED, {}),
        extra=json.loads(row["extra"]),
    )


def _worker(job: Job) -> Worker:
    """Memory that was freed goes back to the system only beyond twice the largest block that ever was: without this
    one, which is never touched, half of a process's time would go into fetching the same pages for every clip."""
    np.empty(LARGEST, np.uint8)
    return Worker(job.protocol, predictions.opened(job.said))


Numbered = Iterator[tuple[int, list[Scored]]]
"""The number of a video, and what its expressions score."""


def _in_here(job: Job, asked: Iterable[VideoRows]) -> Numbered:
    worker = _worker(job)
    for number, each in enumerate(asked):
        yield number, worker.video(each)


def _in_processes(job: Job, asked: Iterable[VideoRows], count: int) -> Numbered:
    """As they are done. Processes of their own, not copies of this one: a copy of a process with threads may hang."""
    coming = enumerate(asked)
    going: dict[Future[list[Scored]], int] = {}
    with ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _begin, (job,)) as pool:
        try:
            while True:
                for number, each in islice(coming, AHEAD * count - len(going)):
                    going[pool.submit(_work, each)] = number
                if not going:
                    return
                for done in wait(going, return_when=FIRST_COMPLETED).done:
                    yield going.pop(done), done.result()
        except BrokenProcessPool:
            raise UserError(
                f"{job.said}: a process was ended from outside, mostly for lack of memory; say fewer with --processes"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


_here: list[Worker] = []
"""In a process of the pool: what it has at hand."""


def _begin(job: Job) -> None:
    _here.append(_worker(job))


def _work(asked: VideoRows) -> list[Scored]:
    return _here[0].video(asked)
