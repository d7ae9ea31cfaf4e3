"""limner eval: everyone plays the evaluation tasks; tables say who is how good and whether training helped."""

import argparse
from pathlib import Path

from framework.commands import as_file, console, takes_out, takes_recipe, the_recipe, written_to
from framework.commands.view import view
from framework.errors import UserError
from framework.evaluation.contest import NOBODY
from framework.evaluation.verdict import judge
from framework.files import writable
from framework.recipe import Recipe
from framework.remote.guest import Guest
from framework.train.run import Run
from framework.training import TRAINED


def arguments(parser: argparse.ArgumentParser) -> None:
    takes_recipe(parser)
    takes_out(parser, "runs/RECIPE")
    parser.add_argument(
        "--run", metavar="DIR", type=Path, help="the run whose models play; the one in --out if not said"
    )
    parser.add_argument(
        "--policy",
        metavar="openai:MODEL@URL",
        help="a model that others serve plays, and no other unless --run is said; it is written to runs/RECIPE/MODEL",
    )


def run(said: argparse.Namespace) -> int:
    recipe = the_recipe(said)
    guest = recipe.stages.eval.guest.guest(said.policy) if said.policy else None
    folder = written_to(said, recipe.name)
    if guest and not said.out:
        folder /= as_file(guest.name)
    writable(folder)
    evaluate(recipe, folder, said.run, guest)
    return 0


def evaluate(recipe: Recipe, folder: Path, trained: Path | None = None, guest: Guest | None = None) -> None:
    """The models of a run against everyone else, and the page. They may have been trained by another recipe."""
    home = trained or folder
    stages = () if guest and not trained else TRAINED
    models = {stage: model for stage in stages if (model := Run(home, stage).model())}
    if not models and not guest:
        raise UserError(f"{home}: holds no trained model; make one with: limner train RECIPE --out {home}")
    tables, gains = judge(recipe, folder, models, {guest.name: guest.player} if guest else NOBODY)
    out = console()
    for table in tables:
        out.print(table, "")
    for line in gains:
        out.print(line)
    if guest:
        out.print(f"{guest.name}: {guest.bill}")
    out.print(f"page    {view(folder)}")
