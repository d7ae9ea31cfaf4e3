"""A policy that draws, from imitation to a mask: two steps of each stage through verl and Ray, and what follows."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from framework.cli import main
from framework.lab.world import task
from framework.reasoners.pen import FOLDER, WEIGHTS
from framework.train.run import Run
from framework.train.tracker import read

SAID = "</RefSeg></answer>"
"""Stands for [SEG]: this random model says it by itself."""
RECIPE = "videoseg_o3/mini"
POLICY = ("reasoner.grounding=0", "reasoner.seed=2", f"drawing.token={SAID}", f"env.grammar.draws={SAID}")
LEAN = (
    "algorithm.prompts=2",
    "algorithm.group=4",
    "data.eval.count=3",
    "stages.cold_start={steps: 2, count: 8, batch: 4, warmup: 0}",
    "stages.rl={steps: 2, test_every: 2}",
    "stages.eval={players: [], rounds: 0, tampered: false}",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("drawing") / "run"
    assert main(["train", RECIPE, "--out", str(out), *POLICY, *LEAN]) == 0
    return out


def model(folder: Path, stage: str) -> Path:
    found = Run(folder, stage).model()
    assert found
    return found


def test_masks_are_drawn_and_earn_and_are_learned_from_in_every_step(folder: Path):
    told: list[dict[str, Any]] = list(read(folder / "metrics.jsonl", "rl"))
    assert [line["step"] for line in told] == [1, 2]
    for line in told:
        assert line["drawing/encoded"] == line["drawing/spots"] > 0
        assert line["drawing/tokens"] > 0
        assert 0 < line["drawing/loss"] < math.inf
        assert 0 <= line["reward/every_turn/mean"] <= 1
        assert line["logprob_gap/max"] <= 1e-5


def test_within_training_it_draws_for_any_number_of_tasks(folder: Path):
    first, last = read(folder / "metrics.jsonl", "rl")
    assert 0 <= last["eval/reward/every_turn/mean"] <= 1
    assert last["eval/episodes/count"] == 3
    assert "eval/reward/mean" not in first


def test_the_pen_lies_beside_every_stages_model_and_has_moved(folder: Path):
    before, after = (load_file(model(folder, stage) / FOLDER / WEIGHTS) for stage in ("cold_start", "rl"))
    assert before.keys() == after.keys()
    assert any((before[name] != after[name]).any() for name in before)


def test_what_it_draws_is_what_it_is_evaluated_by(folder: Path):
    found = json.loads((folder / "eval.json").read_text())
    assert list(found["policies"]) == ["cold_start", "rl"]
    assert all(0 < each["score"] <= 1 for each in found["policies"].values())


def test_it_draws_into_a_clip_that_it_is_asked_about(folder: Path, tmp_path: Path):
    name = "lab:among/eval/0"
    asked = ["--recipe", RECIPE, "--model", str(model(folder, "rl")), "--out", str(tmp_path), *POLICY]
    assert main(["segment", name, task(name).question, *asked]) == 0
    assert len(json.loads((tmp_path / "masks.json").read_text())["masks"]) == task(name).video.length
