"""Tables of variants: who shares a stage, what is done again, and what comes of it."""

import csv
import json
import math
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from framework.ablation import plan
from framework.ablation.outcome import Games, outcome, write
from framework.ablation.plan import Ablation, Job, Variant, jobs, trials
from framework.cli import main
from framework.commands import ablate as commands
from framework.errors import UserError
from framework.lineage import seen
from framework.recipe import find_recipe
from framework.train.run import Run
from framework.training import STAGES

MINI = "videoseg_r1/mini"
SMALL = ("reasoner.grounding=0", "data.eval.count=6", "rollout.reply_tokens=4")
TABLES = """
tables:
  hints:
    about: what the segmenter is told
    told: [score, thought]
    variants:
      all: {plays: aloud, paper: 61.1}
      point: {plays: aloud, changes: [stages.eval.hints.box=false, stages.eval.hints.negatives=false]}
      one who guesses: {plays: random}
  frames:
    variants:
      first: {changes: [sampler.rounds=0, sampler.target=first]}
      sampler: {}
"""


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    path = tmp_path / "tables.yaml"
    path.write_text(TABLES)
    return path


def ablate(tmp_path: Path, tables: Path, *more: str) -> int:
    return main(["ablate", MINI, *SMALL, "--tables", str(tables), "--out", str(tmp_path / "out"), *more])


# ---- what is shared --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "shared"),
    [
        ("name=other", ["cold_start", "rl", "eval"]),
        ("sampler.rounds=0", ["cold_start", "rl"]),
        ("stages.eval.hints.box=false", ["cold_start", "rl"]),
        ("data.eval.count=3", ["cold_start", "rl"]),
        ("rewards.brief.beta=0", ["cold_start"]),
        ("rollout.temperature=0.5", ["cold_start"]),
        ("stages.rl.steps=3", ["cold_start"]),
        ("sampler.interval.look.frames=6", []),
        ("stages.cold_start.steps=3", []),
        ("reasoner.hidden=64", []),
        ("env.references.frames=3", []),
        ("seed=1", []),
    ],
)
def test_a_stage_is_shared_by_recipes_that_agree_in_what_it_looks_at(change: str, shared: list[str]) -> None:
    one, other = find_recipe(MINI), find_recipe(MINI, [change])
    assert [stage for stage in STAGES if seen(one, stage) == seen(other, stage)] == shared


def test_without_a_cold_start_its_settings_do_not_matter() -> None:
    one, other = (
        find_recipe(MINI, ["stages.cold_start.steps=0", f"stages.cold_start.lr={lr}"]) for lr in ("1e-3", "1e-4")
    )
    assert seen(one, "rl") == seen(other, "rl")


def test_the_papers_tables_train_only_what_differs(tmp_path: Path) -> None:
    def stages(*names: str) -> list[str]:
        there = plan.chosen(plan.read(MINI), names)
        return [job.stage for job in jobs(trials(MINI, (), there, tmp_path))]

    assert stages("5") == ["cold_start", "rl", *["eval"] * 4]
    assert stages("6") == ["cold_start", "rl", *["eval"] * 5]
    assert stages("5", "6") == ["cold_start", "rl", *["eval"] * 9]
    assert stages("7") == ["cold_start", *["rl"] * 2, *["eval"] * 2]
    assert stages("4") == [*["cold_start"] * 3, *["rl"] * 2, *["eval"] * 4]


def test_a_table_or_a_variant_says_how_many_seeds_it_gets(tmp_path: Path) -> None:
    table = Ablation(seeds=2, variants={"a": Variant(), "b": Variant(seeds=3, changes=("rewards.brief.beta=0",))})
    found = trials(MINI, ["seed=5"], {"x": table}, tmp_path)
    assert [(trial.variant, trial.seed) for trial in found] == [("a", 5), ("a", 6), ("b", 5), ("b", 6), ("b", 7)]
    assert [job.stage for job in jobs(found)].count("cold_start") == 3


@pytest.mark.parametrize(
    ("variants", "said"),
    [
        ({"a": Variant(changes=("env.max_trns=1",))}, r"tables\.x\.variants\.a: env\.max_trns: unknown key"),
        ({"a": Variant(plays="exprt")}, "no player 'exprt'; did you mean 'expert'"),
        ({"a": Variant(plays="rl", changes=("stages.rl.steps=0",))}, r"stages\.rl\.steps: 0, so there is no model"),
        ({"a": Variant(), "b": Variant(changes=("data.eval.count=3",))}, "plays other tasks"),
    ],
)
def test_what_cannot_be_held_together_is_said_before_anything_is_done(
    variants: dict[str, Variant], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=said):
        trials(MINI, (), {"x": Ablation(variants=variants)}, tmp_path)


# ---- what comes of it ------------------------------------------------------------------------------------------------


def games(*scores: float) -> Games:
    values = {"score": np.array(scores), "thought": np.full(len(scores), 10 * sum(scores))}
    return Games(tuple(map(str, range(len(scores)))), "place", values, 1.0)


def test_differences_are_paired_by_task_and_by_the_seeds_that_both_have() -> None:
    table = Ablation(told=("score", "thought"), variants={"less": Variant(), "more": Variant()})
    played = {"less": {0: games(0.1, 0.5, 0.3)}, "more": {0: games(0.3, 0.7, 0.5), 1: games(1.0, 1.0, 1.0)}}
    found = outcome("x", table, played)
    assert [figure.spread is None for figure in found.means] == [True, False, True, False]
    assert found.means[1].found.mean == pytest.approx(0.75)
    score, thought = found.differences
    assert (score.variant, score.than, list(score.seeds)) == ("more", "less", [0])
    assert (score.found.mean, score.found.low, score.found.high) == pytest.approx((0.2, 0.2, 0.2))
    assert (thought.measure, thought.found.mean) == ("thought", pytest.approx(6.0))


def test_a_task_that_was_lost_under_one_seed_counts_by_its_others(tmp_path: Path) -> None:
    table = Ablation(variants={"less": Variant(), "more": Variant()})
    less = {seed: games(0.1, 0.5) for seed in range(2)}
    found = outcome("x", table, {"less": less, "more": {0: games(0.3, math.nan), 1: games(0.3, 0.9)}})
    assert found.means[1].found.mean == pytest.approx(0.6)
    assert found.differences[0].found.mean == pytest.approx((0.2 + 0.4) / 2)
    lost = outcome("x", table, {"less": less, "more": {0: games(math.nan, math.nan)}})
    told = json.loads(write(lost, tmp_path / "table_x")[1].read_text(), parse_constant=pytest.fail)
    assert told["means"][1]["found"]["mean"] is None


def test_players_without_a_model_are_held_together_and_played_once(
    tmp_path: Path, tables: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ablate(tmp_path, tables, "--table", "hints") == 0
    said = capsys.readouterr().out
    assert "3 trials · evaluation: 3, 3 to do" in said
    assert "point − all" in said
    out = tmp_path / "out"
    rows = list(csv.DictReader((out / "table_hints.csv").read_text().splitlines()))
    means = {row["variant"]: float(row["mean"]) for row in rows if not row["than"] and row["measure"] == "j_and_f"}
    assert means["all"] > means["one who guesses"]
    found = json.loads((out / "table_hints.json").read_text())
    thought = {each["variant"]: each["found"]["mean"] for each in found["means"] if each["measure"] == "thought"}
    assert thought["all"] > 0 == thought["one who guesses"]
    assert found["minutes"].keys() == means.keys()
    assert all(0 < minutes < 10 for minutes in found["minutes"].values())
    assert "what the segmenter is told" in (out / "table_hints.html").read_text()
    assert ablate(tmp_path, tables, "--table", "hints") == 0
    assert "evaluation: 3, 0 to do" in capsys.readouterr().out


def test_several_are_played_side_by_side(tmp_path: Path, tables: Path) -> None:
    assert ablate(tmp_path, tables, "--table", "hints", "--together", "2") == 0
    assert (tmp_path / "out" / "table_hints.json").is_file()


def test_what_has_no_room_waits_until_another_is_done(
    tmp_path: Path, tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    going = list[str]()

    class Threads(ThreadPoolExecutor):
        def __init__(self, count: int, mp_context: object) -> None:
            super().__init__(count)

    def alone(job: Job, *_: object) -> None:
        going.append(job.run.folder.name)
        time.sleep(0.05)
        assert going == [job.run.folder.name]
        going.clear()
        commands.do(job, tmp_path)

    monkeypatch.setattr(commands, "ProcessPoolExecutor", Threads)
    monkeypatch.setattr(commands, "_aside", alone)
    monkeypatch.setattr(commands, "room", lambda stage, cluster, beside: not beside)
    assert ablate(tmp_path, tables, "--table", "hints", "--together", "3") == 0


def test_after_a_ctrl_c_nothing_more_begins(tmp_path: Path, tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []

    class Threads(ThreadPoolExecutor):
        def __init__(self, count: int, mp_context: object) -> None:
            super().__init__(count)

    def stopped(job: Job, *_: object) -> None:
        begun.append(job.run.folder.name)
        time.sleep(0.1)
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "ProcessPoolExecutor", Threads)
    monkeypatch.setattr(commands, "_aside", stopped)
    assert ablate(tmp_path, tables, "--table", "hints", "--together", "2") == 130
    assert len(begun) == 2


# ---- what an earlier run has trained ---------------------------------------------------------------------------------


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run as `limner train` leaves it, of a reasoner that has learned nothing."""
    monkeypatch.setenv("LIMNER_CACHE", str(tmp_path / "cache"))
    return finished(tmp_path / "run", SMALL)


def finished(folder: Path, changes: Sequence[str]) -> Path:
    recipe = find_recipe(MINI, changes)
    model = recipe.reasoner.folder()
    for stage, steps, home in (
        ("cold_start", recipe.stages.cold_start.steps, ""),
        ("rl", recipe.stages.rl.steps, "actor"),
    ):
        run = Run(folder, stage)
        run.begin(recipe.model_copy(update={"reasoner": recipe.reasoner.model_copy(update={"path": model})}))
        shutil.copytree(model, run.checkpoint(steps) / home / "huggingface")
        run.latest.write_text(str(steps))
    return folder


def test_the_stages_of_an_earlier_run_are_not_trained_again(
    tmp_path: Path, tables: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ablate(tmp_path, tables, "--table", "frames", "--run", str(trained)) == 0
    said = capsys.readouterr().out
    assert "2 trials · cold start: 1, 0 to do · rl: 1, 0 to do · evaluation: 2, 2 to do" in said
    assert "sampler − first" in said
    there = {path.name.partition("-")[0] for path in (tmp_path / "out").iterdir()}
    assert there == {"eval", "table_frames.csv", "table_frames.json", "table_frames.html"}


def test_a_run_of_another_recipe_is_refused(
    tmp_path: Path, tables: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ablate(tmp_path, tables, "stages.rl.steps=7", "--run", str(trained)) == 2
    said = capsys.readouterr().err
    assert "its rl was made with stages.rl.steps=" in said
    assert "here it is 7" in said
    assert ablate(tmp_path, tables, "--run", str(tmp_path)) == 2
    assert "holds no finished stage" in capsys.readouterr().err
