"""In which order `limner train` goes through a recipe's stages, and which it passes over."""

import os
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from framework.cli import main
from framework.commands import train
from framework.errors import UserError
from framework.recipe import Recipe
from framework.train.run import Run, alone

RECIPE = ("quickstart", "reasoner.grounding=0", "stages.cold_start.steps=4")


@pytest.fixture
def went(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stages that were gone through: each leaves only the mark by which it is known to be done."""
    stages: list[str] = []
    clock = count(1.0)

    def go(recipe: Recipe, folder: Path, stage: str, beside: Path) -> None:
        stages.append(stage)
        run, steps = Run(folder, stage), "" if stage == "eval" else str(recipe.stages.steps(stage))
        mark = folder / "eval.json" if stage == "eval" else run.latest
        if stage != "eval":
            run.begin(recipe)
            run.checkpoint(int(steps)).mkdir(parents=True)
        mark.write_text(steps)
        os.utime(mark, (now := next(clock), now))

    monkeypatch.setattr(train, "go", go)
    return stages


def trained(out: Path, *changes: str) -> None:
    assert main(["train", *RECIPE, *changes, "--out", str(out)]) == 0


def test_what_is_done_is_passed_over(went: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    trained(tmp_path)
    assert went == ["cold_start", "rl", "eval"]
    trained(tmp_path)
    assert went == ["cold_start", "rl", "eval"]
    assert "every stage" in capsys.readouterr().out


def test_a_model_that_was_trained_further_is_judged_again(went: list[str], tmp_path: Path):
    trained(tmp_path, "stages.rl.steps=2")
    went.clear()
    trained(tmp_path, "stages.rl.steps=3")
    assert went == ["rl", "eval"]


def test_a_stage_without_steps_is_left_out(went: list[str], tmp_path: Path):
    trained(tmp_path, "stages.cold_start.steps=0")
    assert went == ["rl", "eval"]


def test_a_cold_start_of_other_settings_is_not_taken_for_this_recipes(
    went: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    trained(tmp_path, "--stage", "cold_start")
    trained(tmp_path, "cluster.gpus_per_node=2", "rewards.place.weight=2", "stages.cold_start.keep=1")
    for change, said in (("env.max_turns=1", "env.max_turns=2, and the recipe says 1"), ("seed=3", "seed=0, and")):
        assert main(["train", *RECIPE, change, "--out", str(tmp_path)]) == 2
        assert said in capsys.readouterr().err


def test_what_verl_cannot_be_told_is_said_before_a_cold_start(
    went: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["train", *RECIPE, "cluster.mode=separate_async", "--out", str(tmp_path)]) == 2
    assert "cluster.mode: separate_async needs servers of their own" in capsys.readouterr().err
    assert went == []


def test_a_folder_of_a_recipe_with_code_of_its_own_is_told(
    went: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    trained(tmp_path)
    file = tmp_path / "rl" / "recipe.yaml"
    file.write_text(file.read_text().replace("use: box_iou", "use: elsewhere:Mine"))
    assert main(["train", *RECIPE, "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "rl: made by a recipe that cannot be read beside this one (rewards." in said
    assert "choose another --out, or begin again with --fresh" in said


def test_rl_of_other_settings_is_not_done(went: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    trained(tmp_path)
    trained(tmp_path, "cluster.gpus_per_node=2", "stages.rl.keep=1", "stages.eval.rounds=1", "verl.trainer.x=1")
    assert main(["train", *RECIPE, "rewards.place.weight=2", "--out", str(tmp_path)]) == 2
    assert "rl: made with rewards.place.weight=0.6, and the recipe says 2.0" in capsys.readouterr().err
    assert main(["train", *RECIPE, "rewards.place.weight=2", "--out", str(tmp_path), "--fresh"]) == 0


def test_a_stage_that_is_done_is_not_begun_again_and_an_evaluation_is(went: list[str], tmp_path: Path):
    trained(tmp_path)
    went.clear()
    trained(tmp_path, "--stage", "rl")
    assert went == []
    trained(tmp_path, "--stage", "eval")
    assert went == ["eval"]


def test_a_stage_whose_checkpoint_was_deleted_is_not_done(went: list[str], tmp_path: Path):
    trained(tmp_path)
    shutil.rmtree(Run(tmp_path, "rl").checkpoints / "global_step_64")
    went.clear()
    trained(tmp_path)
    assert went == ["rl", "eval"]


def test_a_folder_in_which_something_still_trains_is_refused(tmp_path: Path):
    with alone(tmp_path):
        begun = [sys.executable, "-c", "print('lives', flush=True); input()"]
        driver = subprocess.Popen(begun, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False)
        assert driver.stdout
        driver.stdout.readline()
    with pytest.raises(UserError, match="another process trains here"), alone(tmp_path):
        pass  # the command is gone, as after kill -9, and what it started is not
    driver.communicate(b"\n", timeout=30)
    with alone(tmp_path):
        pass
