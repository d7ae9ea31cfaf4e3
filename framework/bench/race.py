"""Two ways to do the same work, timed alike: in turns within one process, so that a busy machine slows both.

round     1           2           3
       ours theirs ours theirs ours theirs     processor seconds of each, medians, and the median of their ratios
"""

import gc
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from statistics import median
from typing import Any

from rich.table import Table

Side = Callable[[], object]
Row = dict[str, Any]
"""One line of figures, as json takes them."""


def at(what: str) -> None:
    """Say what is measured now: it may take minutes."""
    print(f"limner: bench: {what}", file=sys.stderr, flush=True)


def race(what: str, ours: Side, theirs: Side, *, against: str, rounds: int, per: int, least: float | None) -> Row:
    """How many times the time that we take others take, `least` if it is to be so much; microseconds of each of the
    `per` things that a side does in a round."""
    at(what)
    timed = rotation({"ours": ours, "theirs": theirs}, rounds)
    ratios = [slow / fast for fast, slow in zip(timed["ours"], timed["theirs"], strict=True)]
    each = {side: round(median(seconds) / per * 1e6, 2) for side, seconds in timed.items()}
    return {"what": what, "against": against, "microseconds": each, "ratio": round(median(ratios), 2), "least": least}


def rate(what: str, ours: Side, *, of: str, rounds: int, per: int, least: float | None = None) -> Row:
    """How many things we get through in a second of one core."""
    at(what)
    seconds = rotation({"ours": ours}, rounds)["ours"]
    return {"what": what, "of": of, "per_second": round(per / median(seconds)), "least": least}


def rotation(sides: Mapping[str, Side], rounds: int) -> dict[str, list[float]]:
    """Processor seconds of each side in each round, after one that does not count. As timeit does, no garbage is
    collected meanwhile."""
    timed: dict[str, list[float]] = {name: [] for name in sides}
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds + 1):
            for name, side in sides.items():
                spent = _seconds(side)
                if number:
                    timed[name].append(spent)
    finally:
        gc.enable()
    return timed


def _seconds(side: Side) -> float:
    began = time.process_time()
    side()
    return time.process_time() - began


def tables(rows: Iterable[Row]) -> Iterator[Table]:
    """Races, then rates."""
    races = Table("µs each", "limner", "against", "", "at least", "", box=None, header_style="dim")
    rates = Table("one core", "a second", "at least", "", box=None, header_style="dim")
    for row in rows:
        if "ratio" in row:
            each, found = row["microseconds"], row["ratio"]
            theirs = f"{each['theirs']:.1f} {row['against']}"
            races.add_row(row["what"], f"{each['ours']:.1f}", theirs, f"{found:.1f}×", *_held(found, row, "×"))
        else:
            found = row["per_second"]
            rates.add_row(row["what"], f"{found} {row['of']}", *_held(found, row))
    yield from (table for table in (races, rates) if table.row_count)


def _held(found: float, row: Row, unit: str = "") -> tuple[str, str]:
    least = row["least"]
    return ("", "") if least is None else (f"{least:g}{unit}", "✓" if found >= least else "✗")
