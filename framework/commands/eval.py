"""limner eval: everyone plays the evaluation tasks; tables say who is how good and whether training helped."""

import argparse
from pathlib import Path

from framework.commands import console, takes_out, takes_recipe, the_recipe
from framework.commands.view import view
from framework.errors import UserError
from framework.recipe import Recipe
from framework.record import writable
from framework.train.run import Run
from framework.verdict import judge


def arguments(parser: argparse.ArgumentParser) -> None:
    takes_recipe(parser)
    takes_out(parser, "runs/RECIPE")
    parser.add_argument(
        "--run", metavar="DIR", type=Path, help="the run whose models play; the one in --out if not said"
    )


def run(said: argparse.Namespace) -> int:
    recipe = the_recipe(said)
    folder: Path = said.out or Path("runs") / recipe.name
    writable(folder)
    evaluate(recipe, folder, said.run)
    return 0


def evaluate(recipe: Recipe, folder: Path, trained: Path | None = None) -> None:
    """The models of a run against everyone else, and the page. They may have been trained by another recipe."""
    home = trained or folder
    models = {stage: model for stage in ("cold_start", "rl") if (model := Run(home, stage).model())}
    if not models:
        raise UserError(f"{home}: holds no trained model; make one with: limner train {recipe.name}")
    tables, gains = judge(recipe, folder, models)
    out = console()
    for table in tables:
        out.print(table, "")
    for line in gains:
        out.print(line)
    out.print(f"page    {view(folder)}")
