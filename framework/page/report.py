"""A run as one page that needs nothing else: no network, no server, no other file.

    run/ ─▶ stored.py ─▶ sections, episodes, images ─▶ JSON in page.html, with the *.css and *.js of this folder

A section is a function that gathers what it shows, and one in a script that draws it: its "draw" says which.
"""

import html
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from framework.files import on_disk
from framework.page import curves, episodes, evaluation, groups, pairs, stored
from framework.page.stored import Section, Stored

PAGE = Path(__file__).parent
STYLES = ("style.css", "run.css")
SCRIPTS = ("choice.js", "episode.js", "curves.js", "evaluation.js", "pairs.js", "groups.js", "rescored.js", "page.js")
"""The last one draws with what the others define."""

SECTIONS: tuple[Callable[[Stored], Section | None], ...] = (
    evaluation.headline,
    curves.curves,
    evaluation.evaluation,
    evaluation.comparison,
    pairs.pairs,
    groups.groups,
    episodes.players,
    episodes.episodes,
)
"""In the order of the page."""


def write(folder: Path, out: Path | None = None, others: Sequence[Path] = ()) -> Path:
    """The page of a run, `report.html` in its folder if no other place is said; `others` are held against it."""
    page = out or folder / "report.html"
    found = stored.read(folder, page.parent, others)
    boards = episodes.boards(found)
    sections = [section for make in SECTIONS if (section := make(found))]
    return draw(page, _title(folder), sections, notes=found.notes, images=found.images.sources, **boards)


def draw(page: Path, name: str, sections: Sequence[Section], *, notes: Sequence[str] = (), **drawn: Any) -> Path:
    """A page of these sections; what more they draw from stands beside them in the page's data."""
    pieces = {
        "title": html.escape(name),
        "style": _files(STYLES),
        "script": _files(SCRIPTS),
        "data": embedded({"name": name, "sections": sections, "notes": notes, **drawn}),
    }
    with on_disk(page):
        page.write_text(_filled((PAGE / "page.html").read_text(encoding="utf-8"), pieces), encoding="utf-8")
    return page


def _files(names: Sequence[str]) -> str:
    return "\n".join((PAGE / name).read_text(encoding="utf-8") for name in names)


def _filled(text: str, pieces: Mapping[str, str]) -> str:
    """The data comes last: whatever a reply says stands for itself."""
    for name, piece in pieces.items():
        text = text.replace("{{" + name + "}}", piece, 1)
    return text


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
