"""limner train: run the stages of a recipe that are not done yet, and go on where an earlier run stopped."""

import argparse
import sys
from pathlib import Path

from framework.commands import takes_out, takes_recipe, the_recipe
from framework.errors import TrainError
from framework.preflight import preflight
from framework.recipe import locate


def arguments(parser: argparse.ArgumentParser) -> None:
    takes_recipe(parser)
    takes_out(parser, "runs/RECIPE")
    parser.add_argument("--stage", choices=["rl"], default="rl", help="only this stage")
    parser.add_argument("--fresh", action="store_true", help="begin again: earlier checkpoints and metrics are deleted")


def run(said: argparse.Namespace) -> int:
    recipe = the_recipe(said)
    for finding in preflight(recipe):
        if finding.remedy:
            print(f"limner: does not fit: {finding.remedy}", file=sys.stderr)
    from framework.train.launch import train_rl  # after the recipe is known to be sound

    try:
        train_rl(recipe, said.out or Path("runs") / recipe.name, beside=locate(said.recipe).parent, fresh=said.fresh)
    except TrainError as error:
        print(f"limner: {error}", file=sys.stderr)
        return 1
    return 0
