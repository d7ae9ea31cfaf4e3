"""limner reward rate: how hard each task is, as a model or the lab says, into the file that budgets are read from."""

import argparse
from collections import Counter
from pathlib import Path
from typing import cast

import numpy as np
from rich.table import Table

from framework.commands import console, counted, takes_recipe, the_recipe
from framework.difficulty import rating
from framework.difficulty.levels import LEVELS, Difficulty, mean
from framework.difficulty.rating import AXES, Rater, Ratings
from framework.difficulty.simulation import Controller, controller
from framework.errors import UserError
from framework.recipe import Recipe
from framework.rows import some
from framework.types import Broken

BLOCK = 32
"""Tasks after which the file is written."""


def arguments(parser: argparse.ArgumentParser) -> None:
    takes_recipe(parser)
    parser.add_argument("-n", type=counted, metavar="N", help="the first N training tasks; all if not said")


def run(said: argparse.Namespace) -> int:
    """Exit code 1 if some task still has no rating."""
    recipe = the_recipe(said)
    difficulty, rater = asked(recipe)
    path, source, screen = Path(difficulty.ratings), recipe.data.train, console()
    known = dict(rating.read(path)) if path.is_file() else {}
    before, unrated = len(known), list[str]()
    count = min(said.n or source.size(), source.size())
    for first in range(0, count, BLOCK):
        rows = range(first, min(first + BLOCK, count))
        there = some(source, rows, recipe.data.faulty)
        for fault in there.faults:
            screen.print(f"left out: {fault}", soft_wrap=True)
        tasks = [task for task in there.tasks if task.id not in known]
        found = dict(zip((task.id for task in tasks), rating.rate(tasks, rater), strict=True))
        fresh = {task: each for task, each in found.items() if not isinstance(each, Broken)}
        told = [f"{task}: {each.reason}" for task, each in found.items() if isinstance(each, Broken)]
        if told and not fresh:
            raise UserError(f"{told[0]}; {len(known)} ratings are in {path}; mend it and go on with the same command")
        known |= fresh
        unrated += told
        if fresh:
            rating.write(path, known)
            screen.print(f"{rows.stop} of {count} tasks", soft_wrap=True)
    screen.print(f"{len(known)} ratings in {path}, {len(known) - before} of them new\n", soft_wrap=True)
    screen.print(summary(known, difficulty))
    for line in unrated:
        screen.print(f"not rated: {line}", soft_wrap=True)
    return 1 if unrated else 0


def asked(recipe: Recipe) -> tuple[Difficulty, Rater]:
    """What the recipe says of ratings, and of who makes them."""
    name = controller(recipe)
    difficulty = cast(Controller, recipe.rewards[name]).difficulty
    where = f"rewards.{name}.difficulty"
    if not difficulty.ratings:
        raise UserError(f"{where}.ratings: names no file; say where they are kept: {where}.ratings=ratings.json")
    if difficulty.rater is None:
        example = f"'{where}.rater={{url: http://127.0.0.1:8000/v1, model: NAME}}'"
        raise UserError(f"{where}.rater: must be given: {example}, or {where}.rater=lab for clips of the lab")
    return difficulty, difficulty.rater


def summary(known: Ratings, difficulty: Difficulty) -> Table:
    """How many tasks are of each level, and how they were rated on each axis."""
    table = Table("level", "tasks", *AXES, box=None, header_style="dim")
    levels = {task: difficulty.level(mean(each)) for task, each in known.items()}
    counts = Counter(levels.values())
    for level in LEVELS:
        rated = np.array([each for task, each in known.items() if levels[task] == level]).reshape(-1, len(AXES))
        means = [f"{each:.1f}" for each in rated.mean(0).tolist()] if len(rated) else ["–"] * len(AXES)
        table.add_row(level, str(counts[level]), *means)
    return table
