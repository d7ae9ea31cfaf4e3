"""What the trials of an ablation came to: means with their intervals, differences in pairs, as a table and in files.

scores per task and seed ─▶ each variant: mean, interval over tasks, spread over seeds
                         └▶ each two of them: the same of their difference, task by task
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from framework.ablation.plan import Ablation
from framework.errors import DataError
from framework.evaluation.arena import Gain, Played, Scores, gain, mean_known
from framework.evaluation.standings import plain
from framework.figures import signed
from framework.files import whole
from framework.types import Task

FILE = "played.json"
LABELS = {"score": "", "thought": "thought tokens"}


@dataclass(frozen=True, slots=True)
class Games:
    """What one trial's player did with each task."""

    tasks: tuple[str, ...]
    score_name: str
    values: Mapping[str, Scores]
    """By what is told: score, thought."""
    well_formed: float

    @classmethod
    def of(cls, tasks: Sequence[Task], played: Played) -> "Games":
        values = {"score": played.scores(), "thought": played.thoughts()}
        return cls(tuple(task.id for task in tasks), played.score_name, values, played.well_formed())

    def write(self, folder: Path) -> None:
        values = {name: each.tolist() for name, each in self.values.items()}
        with whole(folder / FILE) as part:  # what is there counts as done
            part.write_text(json.dumps({**asdict(self), "values": values}))

    @classmethod
    def read(cls, folder: Path) -> "Games":
        path = folder / FILE
        try:
            found = json.loads(path.read_text())
            values = {name: np.array(each, np.float64) for name, each in found["values"].items()}
            return cls(tuple(found["tasks"]), found["score_name"], values, found["well_formed"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{path}: {type(error).__name__}: {error}; delete it, and it is played anew") from None


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean, or a mean difference."""

    variant: str
    than: str
    """Empty, or the variant it is held against."""
    measure: str
    found: Gain
    """Over tasks, each its mean over seeds."""
    seeds: Mapping[int, Gain]
    spread: float | None
    """The standard deviation over seeds, where there are several."""
    well_formed: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One table."""

    name: str
    about: str
    paper: str
    papers: Mapping[str, str]
    """By variant."""
    score_name: str
    tasks: int
    means: Sequence[Figure]
    differences: Sequence[Figure]
    minutes: Mapping[str, float]
    """By variant, of one seed: all its stages, shared or not, as long as they took; those that are known."""

    def label(self, measure: str) -> str:
        return LABELS[measure] or self.score_name


def outcome(
    name: str,
    table: Ablation,
    played: Mapping[str, Mapping[int, Games]],
    minutes: Mapping[str, float] = MappingProxyType({}),
) -> Outcome:
    """`played` are the games by variant and seed; all are of the same tasks."""
    one = next(iter(next(iter(played.values())).values()))
    means = [_mean(variant, games, measure) for measure in table.told for variant, games in played.items()]
    pairs = [(measure, *pair) for measure in table.told for pair in combinations(played, 2)]
    return Outcome(
        name,
        table.about,
        table.paper,
        {title: variant.paper for title, variant in table.variants.items()},
        one.score_name,
        len(one.tasks),
        means,
        [_difference(after, before, played, measure) for measure, before, after in pairs],
        dict(minutes),
    )


def _mean(variant: str, games: Mapping[int, Games], measure: str) -> Figure:
    values = {seed: each.values[measure] for seed, each in games.items()}
    nothing = {seed: np.zeros_like(each) for seed, each in values.items()}
    share = float(np.mean([each.well_formed for each in games.values()]))
    return _figure(variant, "", measure, values, nothing, share)


def _difference(variant: str, than: str, played: Mapping[str, Mapping[int, Games]], measure: str) -> Figure:
    """Of the seeds that both have."""
    both = [seed for seed in played[variant] if seed in played[than]]
    after, before = ({seed: played[each][seed].values[measure] for seed in both} for each in (variant, than))
    return _figure(variant, than, measure, after, before)


def _figure(
    variant: str,
    than: str,
    measure: str,
    after: Mapping[int, Scores],
    before: Mapping[int, Scores],
    well_formed: float | None = None,
) -> Figure:
    seeds = {seed: gain(after[seed], before[seed]) for seed in after}
    paired = mean_known(np.array([after[seed] - before[seed] for seed in after]))
    found = gain(paired, np.zeros_like(paired))
    spread = float(np.std([each.mean for each in seeds.values()], ddof=1)) if len(seeds) > 1 else None
    return Figure(variant, than, measure, found, seeds, spread, well_formed)


# ---- as it is shown --------------------------------------------------------------------------------------------------

COLUMNS = ("variant", "measure", "mean", "95 % over tasks", "each seed", "well-formed", "minutes", "paper")
PAIRS = ("difference", "measure", "mean", "95 % over tasks", "each seed")


Sheet = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""Columns and rows."""


def mean_sheet(found: Outcome) -> Sheet:
    """What each variant came to."""
    rows = [
        (each.variant, found.label(each.measure), *_cells(each), f"{each.well_formed or 0:.1%}", *_last(found, each))
        for each in found.means
    ]
    return _filled(COLUMNS, rows)


def pair_sheet(found: Outcome) -> Sheet:
    """How variants differ; of tokens also by what share of what the other had."""
    before = {(each.variant, each.measure): each.found.mean for each in found.means}
    rows: list[tuple[str, ...]] = []
    for each in found.differences:
        mean, *others = _cells(each, "+")
        base = before[each.than, each.measure]
        share = f" ({signed(each.found.mean / base, '+.0%')})" if each.measure == "thought" and base else ""
        rows.append((f"{each.variant} − {each.than}", found.label(each.measure), f"{mean}{share}", *others))
    return _filled(PAIRS, rows)


def _filled(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> Sheet:
    """Without columns in which nothing stands."""
    kept = [at for at in range(len(columns)) if any(row[at] for row in rows)]
    return tuple(columns[at] for at in kept), [tuple(row[at] for at in kept) for row in rows]


def _last(found: Outcome, each: Figure) -> tuple[str, str]:
    """Minutes and the paper's figure, said once."""
    if each.measure != found.means[0].measure:
        return "", ""
    took = found.minutes.get(each.variant)
    return "" if took is None else f"{took:.1f}", found.papers.get(each.variant, "")


def _cells(each: Figure, sign: str = "") -> tuple[str, str, str]:
    form = f"{sign}.1f" if each.measure == "thought" else f"{sign}.3f"
    spread = f" ± {each.spread:{form.removeprefix('+')}}" if each.spread is not None else ""
    seeds = ", ".join(signed(seed.mean, form) for seed in each.seeds.values()) if len(each.seeds) > 1 else ""
    between = f"{signed(each.found.low, form)} … {signed(each.found.high, form)}"
    return f"{signed(each.found.mean, form)}{spread}", between, seeds


# ---- files -----------------------------------------------------------------------------------------------------------


def write(found: Outcome, beside: Path) -> list[Path]:
    """The table as csv, a row a figure and seed, and as json; `beside` is their path without an ending."""
    sheet, data = beside.with_suffix(".csv"), beside.with_suffix(".json")
    with sheet.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(("table", "variant", "than", "measure", "seed", "mean", "low", "high", "tasks", "paper"))
        lines.writerows(_lines(found))
    data.write_text(json.dumps(plain(asdict(found)), indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    return [sheet, data]


def _lines(found: Outcome) -> Iterator[Sequence[Any]]:
    for each in (*found.means, *found.differences):
        said = (found.name, each.variant, each.than, found.label(each.measure))
        paper = "" if each.than else found.papers.get(each.variant, "")
        for seed, of in (("all", each.found), *each.seeds.items()):
            yield (*said, seed, of.mean, of.low, of.high, found.tasks, paper)
