"""The same tasks before and after: where training changed most, and where the trained policy is best and worst."""

from collections.abc import Mapping
from typing import Any

from framework.evaluation.arena import lost
from framework.page.stored import Section, Stored
from framework.record import Entry

STAGE = "eval"
SHOWN = 6
"""Pairs in each list."""


def pairs(run: Stored) -> Section | None:
    """Episodes of the first and the last model, beside each other."""
    if not run.standings or len(run.standings.models) < 2:
        return None
    score, (before, *_, after) = run.standings.score_name, run.standings.models
    early, late = _of(run, before, score), _of(run, after, score)
    rows = [_pair(run, early[task], late[task], score) for task in early if task in late]
    if not rows:
        return None
    return {
        "draw": "pairs",
        "title": f"From {before} to {after}",
        "before": before,
        "after": after,
        "score": score,
        "pairs": rows,
        "lists": _lists(rows),
    }


def _of(run: Stored, policy: str, score: str) -> Mapping[str, int]:
    """Task → place of the episode; what our machinery lost says nothing of who played."""
    return {
        entry.episode.task.id: place
        for place, entry in enumerate(run.entries)
        if (entry.stage, entry.policy) == (STAGE, policy) and not (entry.earned and lost(entry.earned, score))
    }


def _pair(run: Stored, early: int, late: int, score: str) -> dict[str, Any]:
    entries = run.entries
    return {"episodes": [early, late], "scores": [_score(entries[place], score) for place in (early, late)]}


def _score(entry: Entry, score: str) -> float:
    """As the evaluation counts: nothing where nothing was scored."""
    return round(entry.earned.parts.get(score, 0.0), 4) if entry.earned else 0.0


def _lists(rows: list[dict[str, Any]]) -> dict[str, list[int]]:
    """Which pairs to look at first; what is equal stands in the order of the tasks."""
    change = [row["scores"][1] - row["scores"][0] for row in rows]
    after = [row["scores"][1] for row in rows]
    places = range(len(rows))
    return {
        "gained most": sorted((at for at in places if change[at] > 0), key=lambda at: -change[at])[:SHOWN],
        "lost most": sorted((at for at in places if change[at] < 0), key=lambda at: change[at])[:SHOWN],
        "best": sorted(places, key=lambda at: -after[at])[:SHOWN],
        "worst": sorted(places, key=lambda at: after[at])[:SHOWN],
    }
