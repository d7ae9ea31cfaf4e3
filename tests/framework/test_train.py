"""In which order `limner train` goes through a recipe's stages, and which it passes over."""

import os
from itertools import count
from pathlib import Path

import pytest

from framework.cli import main
from framework.commands import train
from framework.recipe import Recipe
from framework.train.run import Run

RECIPE = ("quickstart", "reasoner.grounding=0", "stages.cold_start.steps=4")


@pytest.fixture
def went(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stages that were gone through: each leaves only the mark by which it is known to be done."""
    stages: list[str] = []
    clock = count(1.0)

    def go(recipe: Recipe, folder: Path, stage: str, beside: Path) -> None:
        stages.append(stage)
        mark = folder / "eval.json" if stage == "eval" else Run(folder, stage).latest
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text("" if stage == "eval" else str(train.steps(recipe, stage)))
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
