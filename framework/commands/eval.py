"""limner eval: everyone plays the recipe's evaluation tasks, and the table says who is how good and whether training helped."""

import argparse
import asyncio
from collections.abc import Mapping
from pathlib import Path

from rich.table import Table

from framework.commands import console, takes_out, takes_recipe, the_recipe
from framework.contest import Contest, contest
from framework.errors import UserError
from framework.evaluate import Gain, Row, gain, row, write
from framework.record import Record, writable
from framework.recipe import Recipe
from framework.train.run import Run


def arguments(parser: argparse.ArgumentParser) -> None:
    takes_recipe(parser)
    takes_out(parser, "runs/RECIPE")


def run(said: argparse.Namespace) -> int:
    recipe = the_recipe(said)
    folder: Path = said.out or Path("runs") / recipe.name
    writable(folder)
    models = Run(folder).models()
    if not models:
        raise UserError(f"{folder}: holds no trained model; `limner train {recipe.name}` makes one")
    evaluate(recipe, folder, models)
    return 0


def evaluate(recipe: Recipe, folder: Path, models: Mapping[str, Path]) -> None:
    """Play, write eval.json and the episodes beside it, and print the table. `models` are in the order of training."""
    played = asyncio.run(contest(recipe, models))
    rows = {name: row(played.tasks, games, played.sampled.get(name)) for name, games in played.greedy.items()}
    gains = _gains(played, list(models), recipe.seed)
    write(folder / "eval.json", played.score_name, recipe.seed, len(played.tasks), rows, gains)
    with Record(folder / "eval") as record:
        for name in ("expert", *models):
            games = played.greedy.get(name)
            for episode, earned in zip(games.rounds[0], games.rewards[0], strict=True) if games else ():
                record.add(episode, earned, policy=name, stage="eval")
    _print(rows, gains, played)


def _gains(played: Contest, models: list[str], seed: int) -> dict[str, Gain]:
    """What the last stage gained over the first, where there are two."""
    if len(models) < 2:
        return {}
    before, after = models[0], models[-1]
    return {
        "greedy": gain(played.greedy[after].scores(), played.greedy[before].scores(), seed),
        "sampled": gain(played.sampled[after].scores(), played.sampled[before].scores(), seed),
    }


def _print(rows: Mapping[str, Row], gains: Mapping[str, Gain], played: Contest) -> None:
    parts = list(dict.fromkeys(part for each in rows.values() for part in each.parts))
    table = Table("", played.score_name, "by lot", "well-formed", *parts, box=None, pad_edge=False)
    for name, each in rows.items():
        by_lot = "" if each.sampled_score is None else f"{each.sampled_score:.3f}"
        found = [f"{each.parts[part]:.3f}" if part in each.parts else "" for part in parts]
        table.add_row(name, f"{each.score:.3f}", by_lot, f"{each.well_formed:.0%}", *found)
    out = console()
    out.print(table)
    for name, each in gains.items():
        out.print(f"gain, {name}: {each.mean:+.3f} [{each.low:+.3f}, {each.high:+.3f}] over {len(played.tasks)} tasks")
