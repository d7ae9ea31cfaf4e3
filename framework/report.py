"""A run as one page that needs nothing else: no network, no server, no other file.

    run/episodes.jsonl, frames/ ─▶ sections ─▶ JSON in page/page.html, styled by page/style.css, drawn by page/*.js

A section is a function here that gathers what it shows, and one in page/page.js that draws it: its "draw" says which.
"""

import base64
import html
import json
import math
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from framework import record, storyboard
from framework.record import Entry, Recorded

PAGE = Path(__file__).parent / "page"
SCRIPTS = ("choice.js", "episode.js", "page.js")
"""The last one draws with what the others define."""
LARGE = 16 * 2**10
"""Bytes of a stored picture from which on the page carries a lighter copy."""
BUDGET = 64 * 2**20
"""Bytes of pictures that a page carries; further ones are read from beside it."""

Section = dict[str, Any]
"""What a function of SECTIONS in page/page.js draws; "draw" is its name."""


def write(folder: Path, out: Path | None = None) -> Path:
    """The page of a run, `report.html` in its folder if no other place is said."""
    page = out or folder / "report.html"
    run = Run(record.read(folder), Images(folder, page.parent))
    sections = [section for make in SECTIONS if (section := make(run))]
    data = {"name": _title(folder), "sections": sections, "images": run.images.sources, "notes": run.notes()}
    text = (PAGE / "page.html").read_text(encoding="utf-8")
    pieces = {
        "title": html.escape(_title(folder)),
        "style": (PAGE / "style.css").read_text(encoding="utf-8"),
        "script": "\n".join((PAGE / name).read_text(encoding="utf-8") for name in SCRIPTS),
        "data": embedded(data),
    }
    for name, piece in pieces.items():  # the data comes last: whatever a reply says stands for itself
        text = text.replace("{{" + name + "}}", piece, 1)
    with record.on_disk(page):
        page.write_text(text, encoding="utf-8")
    return page


def embedded(data: Any) -> str:
    """JSON that can stand in a script element whatever it says: no `<`, and nothing JavaScript cannot read."""
    text = json.dumps(_finite(data), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _finite(data: Any) -> Any:
    match data:
        case float():
            return data if math.isfinite(data) else None
        case dict():
            return {str(key): _finite(value) for key, value in cast(dict[Any, Any], data).items()}
        case list() | tuple():
            return [_finite(value) for value in cast(Sequence[Any], data)]
        case _:
            return data


def _title(folder: Path) -> str:
    """runs/quickstart/play ─▶ quickstart / play"""
    parts = folder.resolve().parts
    start = parts.index("runs") + 1 if "runs" in parts[:-1] else len(parts) - 1
    return " / ".join(parts[start:])


@dataclass
class Images:
    """The pictures of a page, each once."""

    folder: Path
    beside: Path
    """Where the page will lie."""
    sources: list[str] = field(default_factory=list[str])
    places: dict[str, int | None] = field(default_factory=dict[str, int | None])
    carried: int = 0
    """Bytes."""
    linked: int = 0
    """Pictures that the budget left outside."""
    missing: int = 0

    def __call__(self, name: str) -> int | None:
        if name not in self.places:
            source = self._source(self.folder / record.FRAMES / f"{name}.png")
            self.places[name] = len(self.sources) if source else None
            self.sources += [source] if source else []
        return self.places[name]

    def _source(self, path: Path) -> str:
        if not path.is_file():
            self.missing += 1
            return ""
        if self.carried >= BUDGET:
            self.linked += 1
            return Path(os.path.relpath(path, self.beside)).as_posix()
        kind, data = _light(path.read_bytes())
        self.carried += len(data) * 4 // 3
        return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _light(png: bytes) -> tuple[str, bytes]:
    """A large picture as webp; a small one as it is, to the pixel."""
    if len(png) < LARGE:
        return "png", png
    import cv2

    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None, "a stored picture is a whole png: it is renamed into place"
    return "webp", cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, 85])[1].tobytes()


@dataclass(frozen=True)
class Run:
    """What sections are made from."""

    recorded: Recorded
    images: Images

    def notes(self) -> list[str]:
        """What a reader must know about the page itself."""
        images = self.images
        linked = f"{images.linked} pictures are too many to carry and are read from {record.FRAMES}/ beside the page"
        missing = f"{images.missing} pictures are missing from {record.FRAMES}/"
        said = [(self.recorded.torn, self.recorded.torn), (images.linked, linked), (images.missing, missing)]
        return [text for there, text in said if there]


# ---- sections --------------------------------------------------------------------------------------------------------


def summary(run: Run) -> Section | None:
    """One row for each player: how its episodes ended and what they earned."""
    players = list(dict.fromkeys((entry.stage, entry.policy) for entry in run.recorded.entries))
    if not players:
        return None
    parts = list(dict.fromkeys(name for each in run.recorded.entries if each.earned for name in each.earned.parts))
    rows = [_row(player, parts, run.recorded.entries) for player in players]
    columns = ["player", "episodes", "turns", "answered", *parts, "total"]
    return {"draw": "table", "title": "Players", "columns": columns, "rows": rows}


def _row(player: tuple[str, str], parts: Sequence[str], entries: Sequence[Entry]) -> list[str]:
    own = [entry for entry in entries if (entry.stage, entry.policy) == player]
    stops = Counter(entry.episode.stop.value for entry in own)
    earned = [entry.earned for entry in own if entry.earned]
    columns = [[each.parts[name] for each in earned if name in each.parts] for name in parts]
    columns.append([each.total for each in earned if each.total is not None])
    means = [f"{np.mean(column):.3f}" if column else "–" for column in columns]
    turns = np.mean([len(entry.episode.turns) for entry in own])
    name = " · ".join(word for word in player if word) or "unnamed"
    return [name, str(len(own)), f"{turns:.1f}", f"{stops['answered'] / len(own):.0%}", *means]


def episodes(run: Run) -> Section:
    """Every episode, turn by turn."""
    tasks: dict[str, storyboard.Board] = {}
    boards: list[storyboard.Board] = []
    for number, entry in enumerate(run.recorded.entries, 1):
        name = entry.episode.task.id
        if name not in tasks:
            tasks[name] = storyboard.task(entry.episode.task)
        boards.append({"number": number, "task": name, **storyboard.episode(entry, run.images)})
    return {"draw": "episodes", "title": "Episodes", "tasks": tasks, "episodes": boards}


SECTIONS: tuple[Callable[[Run], Section | None], ...] = (summary, episodes)
"""In the order of the page."""
