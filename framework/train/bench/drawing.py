"""What drawing costs: a step's log-probs and update of a policy that draws, against the same policy without a pen.

easel.py    in a process of its own, on one core, without Ray     seconds of each part, frames encoded
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from framework.errors import TrainError
from framework.recipe import find_recipe
from framework.train.launch import environment
from framework.train.run import Run

RECIPE, CHANGES = "videoseg_o3/mini", ("reasoner.grounding=0",)
"""What is learned from. That its reasoner has seen nothing yet makes no difference to a clock."""
MOST = 0.25
"""Of a step's time without drawing, what drawing may cost."""


def measure(folder: Path) -> dict[str, Any]:
    """`folder` keeps the log."""
    recipe = find_recipe(RECIPE, CHANGES)
    model = recipe.reasoner.folder()
    run = Run(folder.resolve())
    run.begin(recipe.model_copy(update={"reasoner": recipe.reasoner.model_copy(update={"path": model})}))
    log = run.logs / "easel.log"
    command = (sys.executable, "-m", "framework.train.bench.easel")
    with log.open("wb") as said:
        env = environment(recipe, run, model, None) | {"OMP_NUM_THREADS": "1"}
        ended = subprocess.run(command, env=env, cwd=run.folder, stdout=said, stderr=said, stdin=subprocess.DEVNULL)
    if ended.returncode:
        raise TrainError(f"the bench ended with exit code {ended.returncode}; {log} says why")
    return json.loads((run.folder / "easel.json").read_text())


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
