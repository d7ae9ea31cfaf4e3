import numpy as np
import torch
from verl.trainer.ppo.core_algos import ADV_ESTIMATOR_REGISTRY, get_adv_estimator_fn

from framework.advantage import ADVANTAGES, VERLS
from framework.train import estimators

GROUPS = ["a", "a", "a", "b", "b"]


def rewards(*totals: float) -> torch.Tensor:
    """Of three tokens each, the reward on the last."""
    return torch.tensor([[0.0, 0.0, total] for total in totals])


def test_each_of_ours_stands_in_verls_registry_and_says_what_the_pure_function_says():
    mask = torch.tensor([[1, 0, 1]] * 5)
    totals = [0.2, 0.8, 0.5, 1.0, 0.0]
    for name, pure in ADVANTAGES.items():
        told, returns = get_adv_estimator_fn(f"limner_{name}")(rewards(*totals), mask, index=GROUPS, config=None)
        expected = torch.from_numpy(pure(np.array(totals), GROUPS)).float()
        assert torch.allclose(told, expected[:, None] * mask, atol=1e-6)
        assert torch.equal(told, returns)


def test_an_episode_without_a_mask_teaches_nothing_and_does_not_move_its_group():
    mask = torch.tensor([[1, 1, 1]] * 4 + [[0, 0, 0]])
    told, _ = estimators.under_verl(ADVANTAGES["dr_grpo"])(rewards(0.0, 1.0, 0.5, 0.7, 9.0), mask, GROUPS)
    assert told[:, 0].tolist() == [-0.5, 0.5, 0.0, 0.0, 0.0]


def test_every_estimator_of_verls_may_be_named():
    theirs = {name for name in ADV_ESTIMATOR_REGISTRY if not name.startswith("limner_")}
    assert theirs - ADVANTAGES.keys() == set(VERLS)
