"""verl's engine with low-rank adapters or frozen eyes; peek/adapting.py and peek/freezing.py run it, without Ray."""

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from framework.recipe import find_recipe
from framework.train.launch import environment
from framework.train.run import Run
from framework.train.settings import EYES

PEEK = Path(__file__).parent / "peek"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return said_by("adapting", tmp_path_factory.mktemp("lora"), "algorithm.lora_rank=4")


def said_by(program: str, folder: Path, *changes: str) -> dict[str, Any]:
    """What a program of peek/ says about the engine of a recipe with these changes."""
    run = Run(folder)
    recipe = find_recipe(str(PEEK / "peek.yaml"), changes)
    model = recipe.reasoner.folder()
    run.begin(recipe.model_copy(update={"reasoner": recipe.reasoner.model_copy(update={"path": model})}))
    command = [sys.executable, "-m", program, str(run.home / "told.json")]
    done = subprocess.run(
        command, env=environment(recipe, run, model, PEEK), cwd=run.home, capture_output=True, text=True
    )
    assert not done.returncode, done.stderr[-3000:]
    return json.loads((run.home / "told.json").read_text())


def test_pictures_that_read_the_same_both_ways_are_others_too():
    from framework.train.engine import others

    mirrored, plain = torch.tensor([[1.0], [2.0], [1.0]]), torch.tensor([[1.0], [2.0]])
    assert others(mirrored).tolist() == [[-1], [-2], [-1]]
    assert others(plain).tolist() == [[2], [1]]


def test_adapted_weights_have_the_names_that_the_rollout_needs(told: dict[str, Any]):
    assert told["names"]


def test_fresh_adapters_change_nothing(told: dict[str, Any]):
    assert told["as_they_were"]


def test_every_adapter_changes_the_weight_it_adapts(told: dict[str, Any]):
    assert told["changed"] == told["adapters"] > 0


def test_a_rollout_that_takes_them_says_what_the_trainer_says(told: dict[str, Any]):
    assert told["apart"] <= 1e-5 < 1e-1 < told["moved"]


def test_whoever_loads_what_is_exported_says_what_the_trainer_says(told: dict[str, Any]):
    assert told["exported"] <= 1e-5


def test_verls_own_would_forget_adapters_outside_of_wrapped_layers(told: dict[str, Any]):
    assert "model.visual.merger.linear_fc1.weight" in told["forgotten"], "verl sends them now: leave it to verl"


def test_frozen_eyes_stay_as_they_are_while_the_rest_learns(tmp_path: Path):
    moved = said_by("freezing", tmp_path, "algorithm.freeze=[vision]", "algorithm.lr=0.01")
    eyes = {name for name in moved if re.fullmatch(EYES, name)}
    assert eyes == {name for name in moved if name.startswith("model.visual.")} != set(), "and these get no adapters"
    assert {name for name, step in moved.items() if not step} == eyes


def test_eyes_that_are_not_frozen_learn_too(tmp_path: Path):
    moved = said_by("freezing", tmp_path, "algorithm.lr=0.01")
    assert any(step for name, step in moved.items() if re.fullmatch(EYES, name))


def test_what_is_sampled_is_what_the_engine_hears_before_and_after_it_learns(tmp_path: Path):
    """GLM-4.1V, since verl needs the most help with it; any other family by reasoner.family."""
    told = said_by("hearing", tmp_path, "reasoner.family=glm4_1v")
    assert max(told["gaps"]) <= 1e-5
    assert min(told["moved"]) > 5e-4


def test_what_is_never_said_is_silenced_where_it_lies():
    from framework.train.engine import NEVER, Engine

    engine: Any = object.__new__(Engine)
    engine.voice = SimpleNamespace(banned_tokens=(1, 4), vocabulary=6)
    given = torch.randn(2, 5, 8, requires_grad=True)
    logits, plain = given * 1, given.clone()
    plain[..., [1, 4, 6, 7]] = NEVER
    heard = engine._heard(logits)
    assert heard.data_ptr() == logits.data_ptr(), "the largest tensor of all is not copied"
    found = []
    for each in (heard, plain):
        log_probs = each.log_softmax(-1)
        entropy = -(log_probs.exp() * log_probs).sum(-1)
        [slopes] = torch.autograd.grad(log_probs[..., 0].sum() + entropy.sum(), given)
        found.append((log_probs[..., [0, 2, 3, 5]], entropy, slopes))
    assert all(torch.equal(*pair) for pair in zip(*found, strict=True))
