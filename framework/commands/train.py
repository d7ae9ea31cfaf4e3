"""limner train: run the stages of a recipe that are not done yet, and go on where an earlier run stopped.

cold_start ─▶ a model that plays by the rules ─▶ rl ─▶ a model that plays well ─▶ eval ─▶ eval.json, report.html
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from framework.commands import takes_out, takes_recipe, the_recipe, written_to
from framework.commands.eval import evaluate
from framework.config import Tree
from framework.cookbook import locate
from framework.errors import TrainError, UserError
from framework.evaluation.standings import FILE
from framework.files import writable
from framework.lineage import differences, seen, without_path
from framework.preflight import must_fit
from framework.recipe import Recipe
from framework.train.run import Run, alone
from framework.train.settings import verl_config
from framework.training import STAGES, TRAINED


def arguments(parser: argparse.ArgumentParser) -> None:
    takes_recipe(parser)
    takes_out(parser, "runs/RECIPE")
    parser.add_argument("--stage", choices=STAGES, help="only this stage; if it is eval, it is played again")
    parser.add_argument("--fresh", action="store_true", help="begin again: what the stages have left is deleted")


def run(said: argparse.Namespace) -> int:
    recipe = the_recipe(said)
    folder = written_to(said, recipe.name)
    writable(folder)
    must_fit(recipe)
    asked = [said.stage] if said.stage else STAGES
    stages = [stage for stage in asked if stage == "eval" or recipe.stages.steps(stage)]
    with alone(folder):
        if said.fresh:
            for stage in stages:
                shutil.rmtree(folder / stage, ignore_errors=True)
        return through(recipe, folder, stages, locate(said.recipe).parent, said.fresh or said.stage == "eval")


def through(recipe: Recipe, folder: Path, stages: Sequence[str], beside: Path, anew: bool) -> int:
    """One stage after another; those that are done only if `anew`."""
    if recipe.stages.cold_start.steps and set(stages) & set(TRAINED):
        _is_of(Run(folder, "cold_start"), recipe)
    if "rl" in stages:
        _is_of(Run(folder, "rl"), recipe)
        if anew or not done(recipe, folder, "rl"):
            verl_config(recipe, folder / "rl")  # what cannot be said to verl is told before a cold start
    went = False
    for stage in stages:
        if not anew and done(recipe, folder, stage):  # asked when it is its turn: what came before may have changed it
            continue
        try:
            go(recipe, folder, stage, beside)
        except TrainError as error:
            print(f"limner: {stage}: {error}\nto go on, the same command again; {_kept(folder)}", file=sys.stderr)
            return 1
        went = True
    if not went:
        print(f"limner: every stage of {folder} is done; --fresh begins again, --stage eval plays again")
    return 0


def done(recipe: Recipe, folder: Path, stage: str) -> bool:
    """A stage is done when its last step is kept; the evaluation, when it is younger than every model."""
    if stage == "eval":
        marks = [Run(folder, each).latest for each in TRAINED]
        made = folder / FILE
        return made.is_file() and all(mark.stat().st_mtime <= made.stat().st_mtime for mark in marks if mark.is_file())
    return Run(folder, stage).last_step() >= recipe.stages.steps(stage)


def _is_of(run: Run, recipe: Recipe) -> None:
    """Was this stage made with the settings of this recipe? One that is not done must go on with them, too."""
    if not run.last_step():
        return
    try:
        made, asked = (_looked_at(each, run.stage) for each in (run.recipe, recipe))
    except UserError as error:
        why = f"made by a recipe that cannot be read beside this one ({error})"
        raise UserError(f"{run.home}: {why}; choose another --out, or begin again with --fresh") from None
    if changed := next(differences(made, asked), None):
        path, was, now = changed
        raise UserError(
            f"{run.home}: made with {path}={was}, and the recipe says {now}; set it back, choose another --out, "
            "or begin again with --fresh"
        )


def _looked_at(recipe: Recipe, stage: str) -> Tree:
    """What a stage depends on, but for how long it is and on how many devices; rl looks at no other's settings."""
    tree = without_path(seen(recipe, stage))
    stages = {} if stage == "rl" else {"cold_start": tree["stages"]["cold_start"] | {"steps": None}}
    return tree | {"cluster": None, "verl": None, "stages": stages}


def go(recipe: Recipe, folder: Path, stage: str, beside: Path) -> None:
    """One stage to its end. `beside` holds a user's own code."""
    if stage == "eval":
        evaluate(recipe, folder)
    else:
        follows = stage == "rl" and recipe.stages.cold_start.steps
        learn(recipe, folder, stage, beside, Run(folder, "cold_start").model() if follows else None)


def learn(recipe: Recipe, folder: Path, stage: str, beside: Path, model: Path | None) -> None:
    """One stage of training to its end, from this model, or the recipe's own reasoner if there is none."""
    # verl's room is entered only now that the recipe is known to be sound
    from framework.train.cold_start import train_cold_start
    from framework.train.launch import train_rl

    if model:
        recipe = recipe.with_model(model.resolve())
    train = {"cold_start": train_cold_start, "rl": train_rl}[stage]
    train(recipe, folder, beside)


def _kept(folder: Path) -> str:
    kept = [f"{stage} stands at step {step}" for stage in TRAINED if (step := Run(folder, stage).last_step())]
    return f"in {folder} {', '.join(kept)}" if kept else f"nothing is kept in {folder} yet"
