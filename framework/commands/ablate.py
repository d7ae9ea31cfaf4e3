"""limner ablate: a recipe's tables of variants, trained where they differ in training, played, and held together.

trials ─▶ cold starts, each once ─▶ rl, each once ─▶ evaluations, each once ─▶ table_5.csv, .json, .html

What is done stays: the same command goes on where it was stopped, and another table finds its stages there.
"""

import argparse
import math
import sys
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import redirect_stdout
from dataclasses import replace
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean

from rich.table import Table

from framework.ablation import plan
from framework.ablation.outcome import FILE, Games, Outcome, mean_sheet, outcome, pair_sheet, write
from framework.ablation.plan import Ablation, Job, Trial
from framework.commands import console, counted, takes_out, takes_recipe, written_to
from framework.commands.train import learn
from framework.config import Tree, typed
from framework.cookbook import ABLATIONS, locate
from framework.errors import TrainError
from framework.files import writable
from framework.page import ablated
from framework.preflight import must_fit
from framework.recipe import Recipe, find_recipe
from framework.train.room import room
from framework.train.run import alone

TOOK = "seconds.txt"
NAMES = {"cold_start": "cold start", "rl": "rl", "eval": "evaluation"}


def arguments(parser: argparse.ArgumentParser) -> None:
    takes_recipe(parser)
    parser.add_argument("--table", metavar="NAME", action="append", default=[], help="only this one; may be said again")
    parser.add_argument("--tables", metavar="FILE", type=Path, help=f"{ABLATIONS} beside the recipe if not said")
    parser.add_argument("--seeds", metavar="N", type=counted, help="of every variant; as the tables say if not said")
    parser.add_argument(
        "--run", metavar="DIR", type=Path, action="append", default=[], help="a finished `limner train` of this recipe"
    )
    parser.add_argument(
        "--together", metavar="N", type=counted, default=1, help="so many stages side by side, where there is room"
    )
    parser.add_argument("--plan", action="store_true", help="only say what there is to do")
    takes_out(parser, "runs/RECIPE/ablate")


def run(said: argparse.Namespace) -> int:
    name = find_recipe(said.recipe, said.changes).name
    folder = written_to(said, name)
    tables = plan.chosen(plan.read(said.recipe, said.tables), said.table)
    trials = plan.trials(said.recipe, said.changes, tables, folder, said.run, said.seeds)
    jobs = plan.jobs(trials)
    left = [job for job in jobs if not done(job)]
    out = console()
    out.print(summary(trials, jobs, left), soft_wrap=True)
    if said.plan:
        return 0
    writable(folder)
    for job in left:
        if job.stage != "eval":
            must_fit(job.recipe)
    try:
        _do_all(left, said.together, locate(said.recipe).parent)
    except TrainError as error:
        print(f"limner: {error}\nto go on, the same command again", file=sys.stderr)
        return 1
    for found in _outcomes(tables, trials):
        beside = folder / f"table_{found.name}"
        files = [*write(found, beside), ablated.write(beside.with_suffix(".html"), name, found)]
        for table in _shown(found):
            out.print("", table)
        out.print(*files, sep="\n", soft_wrap=True)
    return 0


def summary(trials: Sequence[Trial], jobs: Sequence[Job], left: Sequence[Job]) -> str:
    """What there is to do, in a line."""
    count, open_ = Counter(job.stage for job in jobs), Counter(job.stage for job in left)
    said = [f"{NAMES[stage]}: {number}, {open_[stage]} to do" for stage, number in count.items()]
    return f"{len(trials)} trials · {' · '.join(said)}"


def done(job: Job) -> bool:
    if job.stage == "eval":
        return (job.run.folder / FILE).is_file()
    return job.run.last_step() >= job.recipe.stages.steps(job.stage)


def _do_all(jobs: Sequence[Job], together: int, beside: Path) -> None:
    """Stage by stage, since each waits for those before it; within one, some side by side."""
    for stage, some in groupby(jobs, lambda job: job.stage):
        if together > 1:
            _side_by_side(some, together, beside)
            continue
        for job in some:
            print(f"limner: {NAMES[stage]} · {job.run.folder}", flush=True)
            do(job, beside)


def _side_by_side(jobs: Iterable[Job], together: int, beside: Path) -> None:
    """No more are handed out than are done at once: what waited in a process would still begin after a Ctrl-C."""
    coming, going = deque(jobs), dict[Future[None], Job]()
    with ProcessPoolExecutor(together, mp_context=get_context("spawn")) as pool:
        while coming or going:
            while coming and len(going) < together and _room(coming[0], going.values()):
                job = coming.popleft()
                going[pool.submit(_aside, job, job.recipe.model_dump(mode="json"), beside)] = job
            for doing in wait(going, return_when=FIRST_COMPLETED).done:
                job = going.pop(doing)
                doing.result()
                print(f"limner: {NAMES[job.stage]} · {job.run.folder}", flush=True)


def _room(job: Job, going: Iterable[Job]) -> bool:
    return room(job.stage, job.recipe.cluster, [each.recipe.cluster for each in going])


def _aside(job: Job, recipe: Tree, beside: Path) -> None:
    """In a process of its own, where settings are read anew; what several would say at once is written down."""
    job.run.folder.mkdir(parents=True, exist_ok=True)
    with (job.run.folder / "log.txt").open("a") as log, redirect_stdout(log):
        do(replace(job, recipe=typed(Recipe, recipe)), beside)


def do(job: Job, beside: Path) -> None:
    """One stage to its end, and how long that took, stops and all. `beside` holds a user's own code."""
    began = time.perf_counter()
    try:
        with alone(job.run.folder):
            _do(job, beside)
    finally:
        job.run.folder.mkdir(parents=True, exist_ok=True)
        (job.run.folder / TOOK).write_text(f"{(seconds(job) or 0) + time.perf_counter() - began:.3f}\n")


def seconds(job: Job) -> float | None:
    """How long a stage took; None of one that was trained elsewhere."""
    took = job.run.folder / TOOK
    return float(took.read_text()) if took.is_file() else None


def _do(job: Job, beside: Path) -> None:
    if job.stage == "eval":
        _play(job)
    else:
        learn(job.recipe, job.run.folder, job.stage, beside, job.after[-1].model() if job.after else None)


def _play(job: Job) -> None:
    import asyncio

    from framework.evaluation.contest import contest

    models = {run.stage: model for run in job.after if (model := run.model())}
    found = asyncio.run(contest(job.recipe, models))
    job.run.begin(job.recipe)
    Games.of(found.tasks, found.greedy[job.plays]).write(job.run.folder)


def _outcomes(tables: Mapping[str, Ablation], trials: Sequence[Trial]) -> list[Outcome]:
    found: list[Outcome] = []
    for name, table in tables.items():
        played: dict[str, dict[int, Games]] = {}
        for trial in trials:
            if trial.table == name:
                played.setdefault(trial.variant, {})[trial.seed] = Games.read(trial.games.run.folder)
        found.append(outcome(name, table, played, _minutes([trial for trial in trials if trial.table == name])))
    return found


def _minutes(trials: Sequence[Trial]) -> dict[str, float]:
    """Of each variant whose stages were all done here, the mean over its seeds."""
    found: dict[str, list[float]] = {}
    for trial in trials:
        each = [took for job in trial.jobs if (took := seconds(job)) is not None]
        found.setdefault(trial.variant, []).append(sum(each) / 60 if len(each) == len(trial.jobs) else math.nan)
    return {name: fmean(took) for name, took in found.items() if math.isfinite(fmean(took))}


def _shown(found: Outcome) -> list[Table]:
    title = f"table {found.name}: {found.about} ({found.tasks} tasks)\npaper: {found.paper}"
    shown: list[Table] = []
    for (columns, rows), caption in ((mean_sheet(found), title), (pair_sheet(found), "")):
        table = Table(*columns, box=None, pad_edge=False, title=caption or None, title_justify="left")
        for row in rows:
            table.add_row(*row)
        shown.append(table)
    return shown
