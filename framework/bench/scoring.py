"""What scoring a dataset costs: prepared data and predictions on disk, with one process and with two.

10 clips are drawn, and each stands there 20 times: what is scored does not know.
"""

import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from framework.bench.race import Row, at
from framework.data import schema
from framework.data.schema import Clip, Expression, Object
from framework.scoring import Job, score
from framework.types import Mask
from framework.vision import masks
from framework.vision.masks import Dense
from framework.vision.predictions import NAME, Writer
from framework.vision.protocols import PROTOCOLS

HEIGHT, WIDTH = 480, 854
CLIPS, DRAWN, FRAMES = 200, 10, 60
PROCESSES = 2


def row(folder: Path, rounds: int = 3, clips: int = CLIPS, frames: int = FRAMES) -> Row:
    """How many times faster two processes are than one by the clock on the wall, starting and reading included."""
    what = f"scoring a clip, {frames} frames of 480p, {PROCESSES} processes"
    at(what)
    job = made(folder / "scoring", clips, frames)
    sides = {"ours": PROCESSES, "theirs": 1}
    timed: dict[str, list[float]] = {side: [] for side in sides}
    found: dict[str, Any] = {}
    for _ in range(rounds):
        for side, processes in sides.items():
            began = time.perf_counter()
            found[side] = score(job, processes).summary()
            timed[side].append(time.perf_counter() - began)
    assert found["ours"] == found["theirs"]
    ratios = [one / two for two, one in zip(timed["ours"], timed["theirs"], strict=True)]
    each = {side: round(median(seconds) / clips * 1e6, 2) for side, seconds in timed.items()}
    return {"what": what, "against": "1 process", "microseconds": each, "ratio": round(median(ratios), 2), "least": 1.5}


def made(folder: Path, clips: int, frames: int) -> Job:
    """Prepared data and predictions of so many clips."""
    there = folder / "mevis" / "valid_u"
    there.mkdir(parents=True, exist_ok=True)
    objects: list[dict[str, Any]] = []
    expressions: list[dict[str, Any]] = []
    with Writer(folder / NAME) as file:
        for number in range(min(DRAWN, clips)):
            said, seen = (drifting(blob(number, off), frames) for off in (0.02, 0.0))
            clip = Clip(
                id="",
                length=frames,
                width=WIDTH,
                height=HEIGHT,
                objects=(Object(id="1", masks=seen),),
                expressions=(Expression(id="0", text="it", objects=("1",), annotated=tuple(range(frames))),),
            )
            of_object, of_expression = schema.object_rows(clip), schema.expression_rows(clip, "", "", "")
            for again in range(number, clips, DRAWN):
                named = {"video_id": f"v{again:03}"}
                objects += [each | named for each in of_object]
                expressions += [each | named for each in of_expression]
                file.add(named["video_id"], "0", said)
    schema.write(there / "objects.parquet", "objects", objects)
    schema.write(there / "expressions.parquet", "expressions", expressions)
    return Job(there, folder / NAME, PROTOCOLS["mevis"]())


def blob(number: int, off: float) -> Dense:
    """A ragged blob in the middle of the frame, larger the higher its number; `off` moves its rim."""
    rows, columns = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    angle = np.arctan2(rows, columns)
    waves = sum(0.04 * np.cos(turn * angle + number) for turn in range(2, 9))
    return np.hypot(columns * 2, rows) <= (0.1 + 0.05 * number) * (1 + waves) + off


def drifting(blob: Dense, frames: int) -> dict[int, Mask]:
    """Frame → where the blob is then; in one frame of ten it is not there."""
    moved = {frame: np.roll(blob, 4 * frame - 2 * frames, axis=1) for frame in range(frames) if frame % 10 != 7}
    return {frame: masks.encode(moved.get(frame, np.zeros_like(blob))) for frame in range(frames)}
