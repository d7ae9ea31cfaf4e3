"""The engine of a policy that draws; peek/drawn.py runs it, alone and as four ranks, without Ray."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from framework.recipe import find_recipe
from framework.train.launch import environment
from framework.train.run import Run

PEEK = Path(__file__).parents[1] / "peek"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What drawn.py says of draw.yaml, and of the same with low-rank adapters."""
    runs = [Run(tmp_path_factory.mktemp(name)) for name in ("whole", "lora")]
    for run, changes in zip(runs, ([], ["algorithm.lora_rank=4"]), strict=True):
        recipe = find_recipe(str(PEEK / "draw.yaml"), changes)
        model = recipe.reasoner.folder()
        run.begin(recipe.model_copy(update={"reasoner": recipe.reasoner.model_copy(update={"path": model})}))
    whole, lora = runs
    command = [sys.executable, "-m", "drawn", str(whole.home / "told.json"), str(lora.home)]
    env = environment(whole.recipe, whole, whole.recipe.reasoner.folder(), PEEK)
    done = subprocess.run(command, env=env, cwd=whole.home, capture_output=True, text=True)
    assert not done.returncode, done.stderr[-3000:]
    return json.loads((whole.home / "told.json").read_text())


def test_without_calibration_and_loss_it_is_the_policy_without_a_pen(told: dict[str, Any]):
    assert told["log_probs_as_without"]
    assert told["drawn_or_not"], "log-probs are the same whether or not masks are asked for"
    assert told["loss_as_without"]
    assert told["slopes_apart_from_without"] == 0.0


def test_every_frame_is_encoded_once(told: dict[str, Any]):
    assert told["encoded"] == told["spots"]


def test_masks_travel_as_bits(told: dict[str, Any]):
    turn = 1 + 3 * 8 * 8 // 8  # two frames and a keyframe of 8 × 8 cells
    assert told["bytes"] == [2 * turn + 1, 2, 2 * turn + 1, turn + 1]


def test_no_episode_knows_its_row(told: dict[str, Any]):
    assert told["order"] <= 1e-5
    assert told["same_masks_in_any_order"]


def test_it_is_right_with_padding_and_without(told: dict[str, Any]):
    assert max(told["padding"]) <= 1e-5


def test_at_a_ratio_of_one_the_weight_changes_the_gradient_and_not_the_loss(told: dict[str, Any]):
    assert max(told["losses"]) - min(told["losses"]) <= 1e-6
    assert told["pen_without"] == 0.0 < 1e-3 < told["pen_with"]
    assert told["thrice"] <= 1e-3


def test_its_gradient_is_that_of_finite_differences(told: dict[str, Any]):
    assert told["differences"] == pytest.approx(told["slope"], rel=1e-2)


def test_with_what_it_earned_a_mask_becomes_surer_or_is_left(told: dict[str, Any]):
    assert told["surer"]["bad"] < 0 < told["surer"]["good"]


def test_a_second_update_starts_from_a_ratio_of_one_and_is_clipped_beyond_its_bounds(told: dict[str, Any]):
    assert told["still"]["pg_clipfrac"] == 0.0
    assert abs(told["still"]["ppo_kl"]) <= 1e-6
    assert told["clipped_surer"] > 0
    assert told["clipped"] > 0


def test_a_batch_without_tokens_still_has_a_gradient_for_the_pen(told: dict[str, Any]):
    count, largest = told["none"]
    assert count > 0 == largest


def test_the_variant_before_the_softmax_changes_the_tokens_that_draw_and_no_others(told: dict[str, Any]):
    assert told["logit"] == [2, 0, 3, 2]
    assert told["logit_surer"]
    assert told["logit_slope"] > 0


def test_what_the_policy_would_say_without_that_variant_is_known(told: dict[str, Any]):
    assert told["logit_without"] <= 1e-5


def test_the_rollout_gets_no_pen_and_neither_does_the_exported_model(told: dict[str, Any]):
    assert told["sent"] == told["exported"] == []


def test_a_pen_is_saved_resumed_and_exported_bit_by_bit(told: dict[str, Any]):
    assert told["resumed"]
    assert told["taken"]


def test_beside_low_rank_adapters_the_pen_learns_whole(told: dict[str, Any]):
    adapted = told["adapted"]
    assert adapted["resumed"]
    assert adapted["sent"] == adapted["exported"] == []
    assert adapted["taken"] == adapted["pen"] > 0


def test_four_ranks_come_to_what_one_does(told: dict[str, Any]):
    assert max(told["ranks"]) <= 1e-5


@pytest.mark.parametrize(("verl_says", "is_named"), [(1, "cuda:1"), (torch.device("cpu"), "cpu")])
def test_frames_are_looked_at_where_the_policy_learns(
    verl_says: Any, is_named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from framework.train.drawing import engine

    monkeypatch.setattr(engine, "get_device_id", lambda: verl_says)
    assert str(torch.device(engine.here())) == is_named


def test_a_pen_of_which_nothing_learns_stops_no_policy():
    from framework.train.drawing.engine import DrawingEngine

    still = torch.nn.Linear(2, 2).requires_grad_(False)
    assert object.__new__(DrawingEngine)._sketched(still, torch.zeros(1, 1, 2)).anchor == 0
