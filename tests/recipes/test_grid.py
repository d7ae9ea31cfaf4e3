"""The recipe that plays an env of Gymnasium."""

import asyncio

import pytest

from framework.cli import main
from framework.recipe import find_recipe
from framework.rollout import play
from framework.types import Stop

SMALL = ["reasoner.grounding=0", "data.train.count=64"]


def test_its_expert_earns_the_return_and_the_form() -> None:
    recipe = find_recipe("grid")
    assert recipe.rubric.formula() == "0.1·form + 0.9·return"
    task = recipe.data.eval.task(7)
    episode = asyncio.run(play(task, recipe.env, recipe.env.expert(task)))
    [earned] = recipe.rubric.score([episode])
    steps = len(episode.turns)
    assert episode.stop is Stop.ANSWERED
    assert earned.total == pytest.approx(0.1 + 0.9 * (1 - 0.05 * (steps - 1)))


def test_it_fits_and_a_step_of_it_is_played_dry(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "grid", *SMALL]) == 0
    assert "an expert earns" in capsys.readouterr().out
    assert main(["dry", "grid", "-n", "16", *SMALL]) == 0
    out = capsys.readouterr().out
    assert "played by mixed: 16 answered" in out
    assert "limner/Grid-v0/" in out


def test_it_is_played_and_drawn(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["play", "grid", "-n", "2", "--out", str(tmp_path), *SMALL]) == 0
    out = capsys.readouterr().out
    assert "▸ <answer>" in out
    assert "return " in out
