"""All episodes of a run, and who played them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from framework.figures import names
from framework.page import storyboard
from framework.page.stored import Section, Stored
from framework.record import Entry


def boards(run: Stored) -> dict[str, Any]:
    """Every episode as the page draws it, in order, and each task once."""
    tasks: dict[str, storyboard.Board] = {}
    drawn: list[storyboard.Board] = []
    for number, entry in enumerate(run.entries, 1):
        name = entry.episode.task.id
        if name not in tasks:
            tasks[name] = storyboard.task(entry.episode.task)
        drawn.append({"number": number, "task": name, **storyboard.episode(entry, run.images)})
    return {"tasks": tasks, "episodes": drawn}


def episodes(run: Stored) -> Section | None:
    """Every episode, turn by turn."""
    return {"draw": "episodes", "title": "Episodes"} if run.entries else None


def players(run: Stored) -> Section | None:
    """One row for each player: how its episodes ended and what they earned. An evaluation says more."""
    players = list(dict.fromkeys((entry.stage, entry.policy) for entry in run.entries))
    if not players or run.standings:
        return None
    parts = names(each.earned.parts for each in run.entries if each.earned)
    rows = [_row(player, parts, run.entries) for player in players]
    columns = ["player", "episodes", "turns", "answered", *parts, "total"]
    return {"draw": "table", "title": "Players", "columns": columns, "rows": rows}


def _row(player: tuple[str, str], parts: Sequence[str], entries: Sequence[Entry]) -> list[str]:
    own = [entry for entry in entries if (entry.stage, entry.policy) == player]
    stops = Counter(entry.episode.stop.value for entry in own)
    earned = [entry.earned for entry in own if entry.earned]
    columns = [[each.parts[name] for each in earned if name in each.parts] for name in parts]
    columns.append([each.total for each in earned if each.total is not None])
    means = [f"{float(np.mean(column)):z.3f}" if column else "–" for column in columns]
    turns = np.mean([len(entry.episode.turns) for entry in own])
    name = " · ".join(word for word in player if word) or "unnamed"
    return [name, str(len(own)), f"{turns:.1f}", f"{stops['answered'] / len(own):.0%}", *means]
