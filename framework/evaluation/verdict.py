"""What a recipe's evaluation comes to: everyone plays, eval.json and the episodes are written, and tables are shown.

contest ─▶ eval.json          who is how good, and what training gained
        ├▶ eval/              the models' and the expert's greedy episodes, for the report
        └▶ predictions/rl/    and their masks of prepared data, for `limner score`
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.table import Table

from framework.data import prepared
from framework.data.prepared import Prepared
from framework.evaluation import losses
from framework.evaluation.arena import Gain, Played, gain
from framework.evaluation.contest import NOBODY, Contest, contest
from framework.evaluation.standings import FILE, Row, row, write
from framework.figures import names, number
from framework.player import Player
from framework.recipe import Recipe
from framework.record import Record
from framework.vision.predictions import NAME, Writer


def judge(
    recipe: Recipe, folder: Path, models: Mapping[str, Path], guests: Mapping[str, Player] = NOBODY
) -> tuple[list[Table], list[str]]:
    """Play the evaluation, write eval.json and the episodes into `folder`, and give tables, a line for each gain, and
    one for rows that were left out.

    `models` are folders by stage, in the order in which they were trained; `guests` are players that others serve.
    """
    played = asyncio.run(contest(recipe, models, guests))
    rows = {name: row(played.tasks, games, played.sampled.get(name)) for name, games in played.greedy.items()}
    gains = _gains(played, [name for name in models if name in played.greedy], recipe.seed)
    record = Record(folder / "eval", fresh=True)
    write(folder / FILE, played.score_name, recipe.seed, played.tasks, rows, gains)
    for name, games in played.greedy.items():
        if name not in ("expert", *models, *guests):
            continue
        for episode, earned in zip(games.rounds[0], games.rewards[0], strict=True):
            record.add(episode, earned, policy=name, stage="eval")
        if isinstance(recipe.data.eval, Prepared) and (recipe.segmenter or (recipe.drawing and name in models)):
            _predicted(folder / "predictions" / name / NAME, games)
    kinds = [task.truth.kind for task in played.tasks]
    lost = (losses.table(name, kinds, games.lost()) for name, games in played.greedy.items())
    tables = [_players(rows, played.score_name), *_kinds(rows), *filter(None, lost)]
    said = [_said(name, each, len(played.tasks)) for name, each in gains.items()]
    return tables, [*said, *filter(None, [played.left_out])]


def _predicted(path: Path, games: Played) -> None:
    """Write a player's masks, expression by expression. An episode without an answer has none."""
    with Writer(path) as file:
        for episode in games.rounds[0]:
            drawn = episode.turns[-1].drawn if episode.turns else None
            if drawn:
                file.add(*prepared.place(episode.task.id), drawn.frames)


def _gains(played: Contest, models: Sequence[str], seed: int) -> dict[str, Gain]:
    """What the last stage gained over the first, where there are two."""
    if len(models) < 2:
        return {}
    before, after = models[0], models[-1]
    ways = {"greedy": played.greedy, "sampled": played.sampled}
    found = {
        way: gain(games[after].scores(), games[before].scores(), seed) for way, games in ways.items() if after in games
    }
    return {way: each for way, each in found.items() if each.mean == each.mean}  # none where nothing has a score


def _players(rows: Mapping[str, Row], score_name: str) -> Table:
    parts = [part for part in names(each.parts for each in rows.values()) if part != score_name]
    table = Table("", score_name, "by lot", "well-formed", "by lot", "thought", *parts, box=None, pad_edge=False)
    for name, each in rows.items():
        shares = [_number(share, ".1%") for share in (each.well_formed, each.sampled_well_formed)]
        found = [_number(each.parts.get(part)) for part in parts]
        thought = _number(each.thought_tokens, ".1f")
        table.add_row(name, _number(each.score), _number(each.sampled_score), *shares, thought, *found)
    return table


def _kinds(rows: Mapping[str, Row]) -> Iterator[Table]:
    """The scores by kind of question, where there are several: what was never asked in training is one of its own."""
    kinds = names(each.by_kind for each in rows.values())
    if len(kinds) > 1:
        table = Table("by kind of question", *kinds, box=None, pad_edge=False)
        for name, each in rows.items():
            table.add_row(name, *(_number(each.by_kind.get(kind)) for kind in kinds))
        yield table


def _number(value: float | None, form: str = ".3f") -> str:
    """Nothing for what was not asked, as of a player that was not sampled."""
    return "" if value is None else number(value, form)


def _said(name: str, found: Gain, tasks: int) -> str:
    if found.mean != found.mean:
        return f"gain, {name}: not known; no task has a score from both"
    return f"gain, {name}: {found.mean:+z.3f} [{found.low:+z.3f}, {found.high:+z.3f}] over {tasks} tasks"
