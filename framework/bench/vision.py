"""What masks and frames cost: J and F against vos-benchmark, overlap against plain numpy, frames against decoding each.

outlines.py   clips, and pairs of every kind     time a frame, and the largest difference of any value
scoring.py    predictions of a whole dataset     two processes against one
frames.py     films and event loops              a window that many look at, lateness, memory
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from framework.bench import frames as films
from framework.bench import outlines, scoring
from framework.bench.race import Row, race, tables
from framework.vision import masks, metrics, overlap

ROUNDS = 5
FRAMES = 32
PAIRS = 1000
AGAIN = 10
"""Times that a clip's masks are compared in a round: once would be over before the clock has moved."""


def measure(folder: Path) -> dict[str, Any]:
    """All of it."""
    return {"masks": compared(), "scoring": scoring.row(folder), **films.measure(folder)}


def compared(rounds: int = ROUNDS, frames: int = FRAMES, pairs: int = PAIRS) -> dict[str, Any]:
    """Masks alone. `apart` is the largest difference between our J or F of a frame and that of others, of all pairs."""
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        rows = [*(_outlines(name, rounds, frames) for name in outlines.CLIPS), _overlap(rounds, frames)]
        return {"pairs": pairs, "apart": outlines.apart(pairs), "rows": rows}
    finally:
        cv2.setNumThreads(threads)


def _outlines(name: str, rounds: int, frames: int) -> Row:
    height, width, share, least = outlines.CLIPS[name]
    drawn, true = outlines.clip(height, width, share, frames)
    return race(
        f"J&F of a frame, {name}",
        lambda: metrics.j_and_f(drawn, true),
        lambda: outlines.theirs(drawn, true),
        against="vos-benchmark",
        rounds=rounds,
        per=frames,
        least=least,
    )


def _overlap(rounds: int, frames: int) -> Row:
    drawn, true = (side.astype(bool) for side in outlines.clip(480, 854, 0.2, frames))
    said, right = ([masks.pack(frame) for frame in side] for side in (drawn, true))
    return race(
        "IoU of a frame, 480p, bits with areas",
        lambda: [overlap.iou(said, right) for _ in range(AGAIN)],
        lambda: [[_plain(*pair) for pair in zip(drawn, true, strict=True)] for _ in range(AGAIN)],
        against="numpy and, or, sum",
        rounds=rounds,
        per=frames * AGAIN,
        least=20,
    )


def _plain(drawn: masks.Dense, true: masks.Dense) -> float:
    shared, united = np.logical_and(drawn, true).sum(), np.logical_or(drawn, true).sum()
    return shared / united if united else 1.0


def shown(figures: Mapping[str, Any]) -> Iterator[Table]:
    """As tables."""
    masks = figures["masks"]
    yield from tables([*masks["rows"], figures["scoring"]])
    equal = Table("J and F as vos-benchmark has them", "pairs", "largest difference", box=None, header_style="dim")
    equal.add_row("", str(masks["pairs"]), f"{masks['apart']:.1e}")
    yield equal
    yield from films.shown(figures)
