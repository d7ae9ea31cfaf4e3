"""A table of an ablation: the page of `limner ablate`."""

from collections.abc import Sequence
from pathlib import Path

from framework.ablation.outcome import Outcome, mean_sheet, pair_sheet
from framework.page import report
from framework.page.evaluation import Cell
from framework.page.stored import Section

ABOUT = "A bar is the mean; its interval is a paired bootstrap over tasks, ± the standard deviation over seeds."


def write(page: Path, name: str, found: Outcome) -> Path:
    """The page, at this place."""
    columns, rows = mean_sheet(found)
    between, differences = pair_sheet(found)
    variants = {"columns": columns, "rows": _barred(found, rows)}
    pairs = {"columns": between, "rows": differences}
    sections: list[Section] = [
        _headline(found),
        {"draw": "tables", "title": "Variants", "about": ABOUT, "tables": [variants]},
        {"draw": "tables", "title": "Differences", "about": "", "tables": [pairs]},
    ]
    return report.draw(page, f"{name}, table {found.name}", sections)


def _headline(found: Outcome) -> Section:
    seeds = sorted({seed for each in found.means for seed in each.seeds})
    played = f"{found.tasks} held-out tasks; seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}."
    drawn = [
        {"name": f"{each.variant} − {each.than}", "mean": of.mean, "low": of.low, "high": of.high}
        for each in found.differences
        for of in [each.found]
        if each.measure == "score"
    ]
    facts = [played, *([f"The paper: {found.paper}"] if found.paper else [])]
    return {"draw": "headline", "title": "", "sentence": found.about, "facts": facts, "gains": drawn}


def _barred(found: Outcome, rows: Sequence[tuple[str, ...]]) -> list[list[Cell]]:
    """The rows of means, each with a bar of its share of the largest of its measure."""
    most = {each.measure: 1e-9 for each in found.means}
    for each in found.means:
        most[each.measure] = max(most[each.measure], each.found.mean)
    return [
        [*row[:2], {"text": row[2], "share": max(each.found.mean, 0) / most[each.measure]}, *row[3:]]
        for each, row in zip(found.means, rows, strict=True)
    ]
