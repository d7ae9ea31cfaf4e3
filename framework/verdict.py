"""What a recipe's evaluation comes to: everyone plays, eval.json and the episodes are written, and the table is shown.

contest ─▶ eval.json          who is how good, and what training gained
        └▶ eval/              the models' and the expert's greedy episodes, for the report
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.table import Table

from framework.contest import Contest, contest
from framework.evaluate import Gain, Row, gain, row, write
from framework.recipe import Recipe
from framework.record import Record

FILE = "eval.json"


def judge(recipe: Recipe, folder: Path, models: Mapping[str, Path]) -> tuple[Table, list[str]]:
    """Play, write, and say it in a table and a line per gain. `models` are in the order in which they were trained."""
    played = asyncio.run(contest(recipe, models))
    rows = {name: row(played.tasks, games, played.sampled.get(name)) for name, games in played.greedy.items()}
    gains = _gains(played, list(models), recipe.seed)
    record = Record(folder / "eval", fresh=True)
    for name in ("expert", *models):
        games = played.greedy.get(name)
        for episode, earned in zip(games.rounds[0], games.rewards[0], strict=True) if games else ():
            record.add(episode, earned, policy=name, stage="eval")
    write(folder / FILE, played.score_name, recipe.seed, len(played.tasks), rows, gains)
    return _table(rows, played.score_name), [_said(name, each, len(played.tasks)) for name, each in gains.items()]


def _gains(played: Contest, models: Sequence[str], seed: int) -> dict[str, Gain]:
    """What the last stage gained over the first, where there are two."""
    if len(models) < 2:
        return {}
    before, after = models[0], models[-1]
    return {
        "greedy": gain(played.greedy[after].scores(), played.greedy[before].scores(), seed),
        "sampled": gain(played.sampled[after].scores(), played.sampled[before].scores(), seed),
    }


def _table(rows: Mapping[str, Row], score_name: str) -> Table:
    parts = list(dict.fromkeys(part for each in rows.values() for part in each.parts))
    table = Table("", score_name, "by lot", "well-formed", *parts, box=None, pad_edge=False)
    for name, each in rows.items():
        by_lot = "" if each.sampled_score is None else f"{each.sampled_score:.3f}"
        found = [f"{each.parts[part]:.3f}" if part in each.parts else "" for part in parts]
        table.add_row(name, f"{each.score:.3f}", by_lot, f"{each.well_formed:.0%}", *found)
    return table


def _said(name: str, found: Gain, tasks: int) -> str:
    return f"gain, {name}: {found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}] over {tasks} tasks"
