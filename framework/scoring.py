"""Predictions held against prepared data by a published protocol, on all cores.

    OUT/<dataset>/<split>/ ─┐  a video  ┌▶ process ─▶ its truth, its predictions ─▶ Scored ─┐
    predictions ────────────┴───────────┼▶ process ─▶ …                                    ─┼─▶ Scores ─▶ scores.json
                                        └▶ …                                                ┘             scores.csv

Each process reads for itself what it works on; only numbers travel.
"""

import csv
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from framework.data import prepared
from framework.data.prepared import Row, Tables
from framework.data.schema import FOREGROUND, IGNORED
from framework.errors import DataError, UserError
from framework.record import on_disk
from framework.types import AnyMask, Mask
from framework.vision import predictions
from framework.vision.predictions import Predictions
from framework.vision.protocols.protocol import Case, Line, Pair, Protocol, Scored

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
                values = sorted({name for each in self.scored for name in each.values})
                table = csv.writer(file)
                table.writerow(["video", "expression", "type", "missing", "missing_frames", *values])
                for each in self.scored:
                    row = [each.values.get(name, "") for name in values]
                    table.writerow(
                        [each.video, each.expression, each.type, int(each.missing), each.missing_frames, *row]
                    )


def score(job: Job, processes: int | None = None, tell: Tell = lambda done, of: None) -> Scores:
    """All expressions, on all cores if no number of processes is said."""
    videos = list(by_video(prepared.tables(str(job.folder)), job).values())
    count = min(processes or cores(), len(videos))
    found: dict[int, list[Scored]] = {}
    for number, scored in _in_here(job, videos) if count == 1 else _in_processes(job, videos, count):
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
        empty = prepared.together((), prepared.the_video(row))
        each = {name: drawn.get(frame, empty) for frame, name in enumerate(names)}
        predictions.export(out / "Annotations", video, expression, each)
        tell(done + 1, count)
    return count, lacking


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def by_video(tables: Tables, job: Job) -> dict[str, list[int]]:
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
    return rows


# ---- at work ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Worker:
    """What one process has opened."""

    protocol: Protocol
    tables: Tables
    said: Predictions

    def video(self, rows: Sequence[int]) -> list[Scored]:
        """What the expressions of one video score, in the order of their rows."""
        pairs = [self._pair(cast(Row, self.tables.expressions[row])) for row in rows]
        place = {case.expression: number for number, (case, _) in enumerate(pairs)}
        return sorted(self.protocol.video(pairs), key=lambda each: place[each.expression])

    def _pair(self, row: Row) -> Pair:
        case = the_case(row, self.tables)
        names = predictions.stems(row["frames"], row["length"])
        wanted = {frame: names[frame] for frame in self.protocol.frames(case)}
        return case, self.said.read(case.video, case.expression, wanted, case.width, case.height)


def the_case(row: Row, tables: Tables) -> Case:
    """The truth of an expression's row."""
    height, width = row["size"]
    return Case(
        video=row["video_id"],
        expression=row["expression_id"],
        type=row["expression_type"],
        length=row["length"],
        width=width,
        height=height,
        annotated=tuple(sorted(row["eval_frame_idx"])),
        objects=tuple(prepared.outlines(each) for each in tables.objects_of(row)),
        foreground=_beside(tables, row["video_id"], FOREGROUND),
        ignored=_beside(tables, row["video_id"], IGNORED) or {},
        extra=json.loads(row["extra"]),
    )


def _beside(tables: Tables, video: str, name: str) -> Mapping[int, Mask] | None:
    return prepared.outlines(tables.object(video, name)) if (video, name) in tables.places else None


def _opened(job: Job) -> Worker:
    return Worker(job.protocol, prepared.tables(str(job.folder)), predictions.opened(job.said))


def _in_here(job: Job, videos: Sequence[Sequence[int]]) -> Iterator[tuple[int, list[Scored]]]:
    worker = _opened(job)
    for number, rows in enumerate(videos):
        yield number, worker.video(rows)


def _in_processes(job: Job, videos: Sequence[Sequence[int]], count: int) -> Iterator[tuple[int, list[Scored]]]:
    """As they are done. A process of its own, not a copy of this one: copies of a process with threads may hang."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, context, _begin, (job,)) as pool:
        waiting = {pool.submit(_work, rows): number for number, rows in enumerate(videos)}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        except BrokenProcessPool:
            raise UserError(
                f"{job.said}: a process was ended from outside, mostly for lack of memory; say fewer with --processes"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


_here: list[Worker] = []
"""In a process of the pool: what it has opened."""


def _begin(job: Job) -> None:
    _here.append(_opened(job))


def _work(rows: Sequence[int]) -> list[Scored]:
    return _here[0].video(rows)
