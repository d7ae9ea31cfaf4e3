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


def run(said: argparse.Namespace) -> int:
    recipe = the_recipe(said)
    folder: Path = said.out or Path("runs") / recipe.name
    writable(folder)
    evaluate(recipe, folder)
    return 0


def evaluate(recipe: Recipe, folder: Path) -> None:
    """The models of a run against everyone else, and the page."""
    models = {stage: model for stage in ("cold_start", "rl") if (model := Run(folder, stage).model())}
    if not models:
        raise UserError(f"{folder}: holds no trained model; make one with: limner train {recipe.name}")
    tables, gains = judge(recipe, folder, models)
    out = console()
    for table in tables:
        out.print(table, "")
    for line in gains:
        out.print(line)
    out.print(f"page    {view(folder)}")
