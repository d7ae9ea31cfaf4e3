"""What drawing costs: a step's log-probs and update of a policy that draws, against the same policy without a pen.

easel.py    in a process of its own, on one core, without Ray     seconds of each part, frames encoded
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from framework.recipe import find_recipe
from framework.train.bench.apart import apart

RECIPE, CHANGES = "videoseg_o3/mini", ("reasoner.grounding=0",)
"""What is learned from. That its reasoner has seen nothing yet makes no difference to a clock."""
MOST = 0.25
"""Of a step's time without drawing, what drawing may cost."""


def measure(folder: Path) -> dict[str, Any]:
    """`folder` keeps the log."""
    return apart(find_recipe(RECIPE, CHANGES), "easel", folder, {"OMP_NUM_THREADS": "1"})


def shown(figures: Mapping[str, Any]) -> Iterator[Table]:
    """As tables."""
    parts = figures["parts"]["with"]
    table = Table("processor seconds a step", *parts, "together", "", box=None, header_style="dim")
    for name, extra in (("without", ""), ("with", f"{figures['extra']:+.0%} {_held(figures['extra'] <= MOST)}")):
        spent = figures["parts"][name]
        each = (f"{spent[part]:.3f}" if part in spent else "" for part in parts)
        table.add_row(f"{name} drawing", *each, f"{figures['together'][name]:.3f}", extra)
    yield table
    table = Table(
        "a step's", "episodes", "tokens", "masks", "frames drawn on", "encoded", "", box=None, header_style="dim"
    )
    counts = (figures[name] for name in ("episodes", "tokens", "masks", "spots", "encoded"))
    table.add_row("", *map(str, counts), _held(figures["encoded"] == figures["spots"]))
    yield table


def _held(held: bool) -> str:
    return "✓" if held else "✗"
