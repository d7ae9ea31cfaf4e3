"""What verl is told of the paper's own numbers."""

from pathlib import Path

import pytest

from framework.recipe import find_recipe
from framework.testing import filled
from framework.train.settings import verl_config


@pytest.mark.parametrize("name", ["rl", "3b", "no_thought", "image"])
def test_verl_is_told_the_numbers_of_the_paper(name: str, tmp_path: Path):
    recipe = find_recipe(f"videoseg_r1/{name}", filled(f"videoseg_r1/{name}"))
    verl = verl_config(recipe, tmp_path, "model")
    actor = verl.actor_rollout_ref.actor
    assert (verl.actor_rollout_ref.rollout.n, verl.data.train_batch_size, actor.ppo_mini_batch_size) == (8, 16, 16)
    assert (actor.optim.lr, actor.optim.weight_decay, actor.grad_clip) == (1e-6, 0.01, 1.0)
    assert (actor.use_kl_loss, actor.kl_loss_type, actor.kl_loss_coef) == (True, "k3", 5e-3)
    assert (actor.clip_ratio_low, actor.clip_ratio_high) == (0.2, 0.2)
    assert not verl.algorithm.use_kl_in_reward
    assert recipe.algorithm.freeze == ("vision",)


def test_the_supervised_baseline_has_no_reinforcement():
    stages = find_recipe("videoseg_r1/sft", filled("videoseg_r1/sft")).stages
    assert (stages.cold_start.steps > 0, stages.cold_start.players, stages.rl.steps) == (True, ("expert",), 0)
