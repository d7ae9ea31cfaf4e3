"""Each family of reasoners trained for two steps through verl: are tokens as probable to who learns as to who spoke?

A small random copy of each plays the quickstart. What it says earns by its length alone, so that there is something
to learn; the second step asks whether what was learned reached who speaks.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from framework.cookbook import locate
from framework.reasoners import FAMILIES
from framework.recipe import find_recipe
from framework.train.launch import train_rl
from framework.train.tracker import read

RECIPE = "quickstart"
CHANGES = (
    "reasoner.grounding=0",
    "env.on_malformed=ask_again",
    "rewards.form={use: overlong, longest: 32, buffer: 32}",
    "stages.rl={steps: 2, save_every: 2}",
)
MOST = 1e-5
"""Of the difference between a token's two log-probs."""


def measure(folder: Path) -> dict[str, Any]:
    """`folder` keeps the runs."""
    return {"families": {family: _trained(family, folder / family) for family in FAMILIES}}


def _trained(family: str, folder: Path) -> dict[str, Any]:
    recipe = find_recipe(RECIPE, (*CHANGES, f"reasoner.family={family}"))
    done = train_rl(recipe, folder, locate(RECIPE).parent, fresh=True)
    steps = read(done.metrics, done.stage)
    told = {"gaps": "logprob_gap/max", "slopes": "grad_norm", "tokens": "tokens", "seconds": "time/step_s"}
    return {name: [step[key] for step in steps] for name, key in told.items()}


def shown(figures: Mapping[str, Any]) -> Iterator[Table]:
    """As a table."""
    heads = ("gap, step 1", "step 2", "", "gradient", "tokens", "seconds a step")
    table = Table("family", *heads, box=None, header_style="dim")
    for family, found in figures["families"].items():
        gaps = found["gaps"]
        mark = "✓" if max(gaps) <= MOST and min(found["slopes"]) > 0 else "✗"
        each = (f"{gap:.0e}" for gap in gaps)
        slope, tokens, seconds = found["slopes"][0], sum(found["tokens"]), found["seconds"][-1]
        table.add_row(family, *each, mark, f"{slope:.2f}", f"{tokens:.0f}", f"{seconds:.1f}")
    yield table
