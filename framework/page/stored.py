"""What a run has left in its folder, as far as a page shows it.

runs/quickstart/
    metrics.jsonl                   a line a step               ─▶ curves
    eval.json                       everyone on the same tasks  ─▶ headline, evaluation
    eval/episodes.jsonl, frames/    those games                 ─▶ pairs, episodes
    train/episodes.jsonl, frames/   a few groups                ─▶ groups, episodes
runs/quickstart/play/
    episodes.jsonl, frames/         games that were watched     ─▶ players, episodes
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framework import record
from framework.errors import UserError
from framework.evaluation import standings
from framework.evaluation.comparison import Comparison, compare
from framework.evaluation.standings import Standings
from framework.page.images import Images
from framework.record import Entry
from framework.train import tracker
from framework.training import TRAINED

Section = dict[str, Any]
"""What a function of SECTIONS in page.js draws; "draw" is its name."""
Line = Mapping[str, Any]
"""A line of metrics.jsonl."""

METRICS = "metrics.jsonl"
PLACES = ("", "eval", "train")
"""Folders of a run in which episodes may lie."""


@dataclass(frozen=True)
class Stored:
    """What a run's folder holds; the sections of its page are made from it."""

    entries: Sequence[Entry]
    """All episodes; a section speaks of them by their places in here."""
    lines: Mapping[str, Sequence[Line]]
    """Steps by stage."""
    standings: Standings | None
    images: Images
    torn: Sequence[str] = ()
    comparison: Comparison | None = None
    """With other runs, if any were named."""

    @property
    def notes(self) -> list[str]:
        """What a reader must know about the page itself, once it is made."""
        return [*self.torn, *self.images.notes()]


def read(folder: Path, beside: Path, others: Sequence[Path] = ()) -> Stored:
    """Whatever is there, for a page that will lie in `beside`, and how `others` compare."""
    records = [record.read(folder / place) for place in PLACES if (folder / place / record.LINES).is_file()]
    lines = {stage: told for stage in TRAINED if (told := tracker.read(folder / METRICS, stage))}
    found = standings.read(folder / standings.FILE) if (folder / standings.FILE).is_file() else None
    if not (records or lines or found):
        names = record.LINES, METRICS, standings.FILE
        below = sorted(str(path.parent) for name in names for path in folder.glob(f"*/{name}"))
        parts, example = f"{record.LINES}, {METRICS} or {standings.FILE}", [*below, "runs/quickstart"][0]
        raise UserError(f"{folder}: holds no {parts}; give the folder of a run, as {example}")
    images = Images([each.folder / record.FRAMES for each in records], beside)
    torn = [each.torn for each in records if each.torn]
    comparison = compare([folder, *others]) if others else None
    return Stored([entry for each in records for entry in each.entries], lines, found, images, torn, comparison)
