"""What scoring costs: the rubrics of two papers on thousands of stored episodes.

r1.py   against a loop over replies     reading + geometry + formula, geometry alone
o3.py   three turns, 5 + 1 masks each   episodes a second, from bits and from run lengths; against clips of 480p
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from pydantic import TypeAdapter
from rich.table import Table

from framework.bench import o3, r1
from framework.bench.race import Row, Side, race, rate, tables
from framework.config import load
from framework.reward import Batch, Rewards
from framework.rubric import Rubric, Values
from framework.types import Answer, Episode
from framework.vision import masks

RUBRICS = Path(__file__).with_name("rewards.yaml")
EPISODES = 4096
ROUNDS = 5
STEP = 128
"""Episodes against truths of 480p, which are large."""
CLIP = 854, 480


def measure(folder: Path, episodes: int = EPISODES, rounds: int = ROUNDS) -> dict[str, Any]:
    """All rows. `apart` is the largest difference between the totals of two sides that score the same episodes."""
    rows, apart = _of_r1(episodes, rounds)
    of_o3, apart_o3 = _of_o3(episodes, rounds)
    return {"episodes": episodes, "rounds": rounds, "apart": {"r1": apart, "o3": apart_o3}, "rows": rows + of_o3}


def rubric(name: str) -> Rubric:
    rewards: Rewards = TypeAdapter(Rewards).validate_python(load(RUBRICS)[name])
    return Rubric(rewards)


def totals(rubric: Rubric, episodes: Sequence[Episode]) -> Values:
    return np.array([earned.total for earned in rubric.score(episodes)], np.float64)


def _of_r1(episodes: int, rounds: int) -> tuple[list[Row], float]:
    tasks, whole = r1.asked(episodes), rubric("r1")
    loop = r1.Loop(tasks)
    apart = _apart(totals(whole, r1.played(tasks)), loop.totals())
    matched, beside = whole.rewards["accuracy"], whole.rewards["beside"]
    geometry = Rubric({"accuracy": matched, "beside": beside})
    played = r1.played(tasks)

    def ours() -> object:
        batch = Batch(played)  # as a rubric scores them
        return matched(batch), beside(batch)

    answers = [(episode.answer or Answer(), known) for episode, (*_, known) in zip(played, loop.said, strict=True)]
    rows: list[tuple[str, Side, Side, float | None]] = [
        ("R1: read, geometry, formula", lambda: totals(geometry, r1.played(tasks)), loop.geometries, 2.5),
        (
            "R1: geometry alone",
            ours,
            lambda: [loop.geometry(answer.items, known) for answer, known in answers],
            7,
        ),
        ("R1: all of it, form as well", lambda: totals(whole, r1.played(tasks)), loop.totals, None),
    ]
    return [
        race(what, ours, theirs, against="a loop over replies", rounds=rounds, per=episodes, least=least)
        for what, ours, theirs, least in rows
    ], apart


def _of_o3(episodes: int, rounds: int) -> tuple[list[Row], float]:
    whole = rubric("o3")
    rows: list[Row] = []
    earned: list[Values] = []
    for name, store, least in (("bits", masks.pack, 2000), ("run lengths", masks.encode, None)):
        played = o3.episodes(episodes, store)
        earned.append(totals(whole, played))
        score = partial(whole.score, played)
        what = f"O3: three turns, masks as {name}"
        rows.append(rate(what, score, of="episodes", rounds=rounds, per=episodes, least=least))
    step = min(episodes, STEP)
    score = partial(whole.score, o3.episodes(step, masks.pack, clip=CLIP))
    rows.append(rate("O3: three turns, clips of 480p", score, of="episodes", rounds=rounds, per=step, least=100))
    return rows, _apart(*earned)


def _apart(ours: ArrayLike, theirs: ArrayLike) -> float:
    return float(np.abs(np.subtract(ours, theirs)).max())


def shown(figures: Mapping[str, Any]) -> Iterator[Table]:
    """As tables."""
    return tables(figures["rows"])
