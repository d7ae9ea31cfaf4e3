"""Stored episodes, then and under another recipe: the page of `limner reward rescore`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from framework.figures import number, signed
from framework.page import episodes, report
from framework.page.stored import Section, Stored
from framework.rescore import Change, Part, Rescored

MOST = 12
"""Episodes in each list."""


def write(page: Path, run: Stored, found: Rescored, name: str, formula: str) -> Path:
    """The page, at this place."""
    entries = [replace(each.entry, earned=each.after, advantage=each.advantages[1]) for each in found.changes]
    there = replace(run, entries=entries)
    boards = episodes.boards(there)
    sections = [_headline(found, formula), _parts(found.parts), _changes(found.changes)]
    return report.draw(page, name, sections, notes=there.notes, images=there.images.sources, **boards)


def sentence(found: Rescored) -> str:
    """What another recipe would have changed about what was learned."""
    turned, count = found.turned, len(found.changes)
    if not turned:
        return f"Not one of {count} advantages would have changed its sign."
    meant = "what was made likelier would have been made less likely, or the other way about"
    return f"{turned} of {count} advantages would have changed their sign: {meant}."


def facts(found: Rescored) -> list[str]:
    then, now = found.settled
    order = (
        f"Within groups the order of rewards agrees by {found.order:.2f} (rank correlation, mean of {found.ordered})."
        if found.order is not None
        else "No group has an order both then and now."
    )
    settled = (
        f"Groups in which all rewards agree, so that nothing is learned: {then} of {found.groups} then, {now} now."
    )
    left = f"{found.left_out} stored episodes have no reward and are left out." if found.left_out else ""
    return [each for each in (order, settled, left) if each]


def _headline(found: Rescored, formula: str) -> Section:
    told = [*facts(found), f"Now: total = {formula}; advantages by {found.estimator}."]
    return {"draw": "headline", "title": "", "sentence": sentence(found), "facts": told, "gains": []}


def _parts(parts: Sequence[Part]) -> Section:
    columns = ["part", "then", "now", "change", "adds then", "adds now"]
    about = "Means over all episodes: each part's own number, and what it adds to the total."
    table = {"columns": columns, "rows": [row(part) for part in parts]}
    return {"draw": "tables", "title": "Parts", "about": about, "tables": [table]}


def row(part: Part) -> list[str]:
    """A part in a table: its number then, now, the change, and what it adds then and now."""
    then, now = part.numbers
    change = signed(now - then) if then is not None and now is not None else "–"
    return [part.name, number(then), number(now), change, number(part.adds[0]), number(part.adds[1])]


def _changes(changes: Sequence[Change]) -> Section:
    drawn = [(at, each) for at, each in enumerate(changes) if all(total == total for total in each.totals)]
    return {
        "draw": "rescored",
        "title": "Episodes",
        "about": "Each point is a stored episode: the reward it had across, the one it would have upwards. "
        "Choose a point to see it.",
        "before": "then",
        "after": "now",
        "score": "reward",
        "pairs": [_pair(at, each) for at, each in drawn],
        "lists": _lists([each for _, each in drawn]),
    }


def _pair(at: int, change: Change) -> dict[str, Any]:
    names = dict.fromkeys([*change.before.parts, *change.after.parts])
    parts = [[name, change.before.parts.get(name), change.after.parts.get(name)] for name in names]
    return {
        "episodes": [at],
        "scores": [round(total, 4) for total in change.totals],
        "advantages": change.advantages,
        "parts": parts,
    }


def _lists(changes: Sequence[Change]) -> dict[str, list[int]]:
    """Which to look at first."""
    gain = [each.totals[1] - each.totals[0] for each in changes]
    shift = [abs(each.advantages[1] - each.advantages[0]) for each in changes]
    places = range(len(changes))
    return {
        "advantage turned": sorted((at for at in places if changes[at].turned), key=lambda at: -shift[at])[:MOST],
        "advantage changed most": sorted((at for at in places if shift[at]), key=lambda at: -shift[at])[:MOST],
        "reward gained most": sorted((at for at in places if gain[at] > 0), key=lambda at: -gain[at])[:MOST],
        "reward lost most": sorted((at for at in places if gain[at] < 0), key=lambda at: gain[at])[:MOST],
    }
