"""A length reward at work on a policy that does not exist: the page of `limner reward simulate`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from framework.difficulty.course import Course, Line, steady
from framework.difficulty.levels import LEVELS
from framework.page import report
from framework.page.curves import series
from framework.page.stored import Section

KEYS = ("budget", "length", "right")
COLUMNS = ("tasks", "budget", "length", "at the end", "right", "at the end", "without it: length", "right")


def write(page: Path, course: Course, name: str, formula: str) -> Path:
    """The page, at this place."""
    told = [*course.facts, f"The whole formula: total = {formula}."]
    headline = {"draw": "headline", "title": "", "sentence": course.verdict, "facts": told, "gains": []}
    table = {
        "draw": "tables",
        "title": "Levels",
        "about": ABOUT,
        "tables": [{"columns": COLUMNS, "rows": rows(course)}],
    }
    curves = {"draw": "curves", "title": "Step by step", "panels": _panels(course)}
    return report.draw(page, name, [headline, curves, table])


ABOUT = "First steps and last, means of some; the policy is simulated as framework/difficulty/simulation.py says."


def rows(course: Course) -> list[list[str]]:
    """Each level's figures at first and at the end, and what they would be without the reward."""
    found: list[list[str]] = []
    for name, end in [*((level, f"/{level}") for level in LEVELS), ("all", "")]:
        budget, length, right = (steady(course.steps, f"{key}{end}") for key in KEYS)
        free, freely = (steady(course.without, f"{key}{end}")[-1] for key in KEYS[1:])
        numbers = [f"{budget[-1]:.0f}", f"{length[0]:.0f}", f"{length[-1]:.0f}", f"{right[0]:.0%}", f"{right[-1]:.0%}"]
        found.append([name, *("–" if "nan" in each else each for each in [*numbers, f"{free:.0f}", f"{freely:.0%}"])])
    return found


def _panels(course: Course) -> list[Section]:
    levels = [(level, course.steps, f"/{level}") for level in LEVELS]
    return [
        _panel("Budget", "tokens up to which a thought is free", "budget", levels),
        _panel("Length", "tokens of a thought", "length", [*levels, ("all, without it", course.without, "")]),
        _panel("Over budget", "share of replies", "over", [("with it", course.steps, "")]),
        _panel("Reward", "mean of a step, of the most there is", "reward", [("with it", course.steps, "")]),
        _panel(
            "Right", "share of replies", "right", [("with it", course.steps, ""), ("without it", course.without, "")]
        ),
    ]


def _panel(title: str, about: str, key: str, curves: Sequence[tuple[str, Sequence[Line], str]]) -> dict[str, Any]:
    drawn = [found for name, lines, end in curves if (found := series(name, lines, f"{key}{end}"))]
    last = max(len(lines) for _, lines, _ in curves)
    return {"title": title, "about": about, "log": False, "facets": [{"stage": "", "span": [1, last], "series": drawn}]}
