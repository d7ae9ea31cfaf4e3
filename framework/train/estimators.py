"""Our advantages under verl's registry: `algorithm.advantage=grpo` is `limner_grpo` there, beside verl's own.

rewards of tokens ─▶ of episodes, NaN where nothing is learned ─▶ framework.advantage ─▶ spread over the tokens said
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from verl.trainer.ppo.core_algos import register_adv_est

from framework.advantage import ADVANTAGES, Estimator


def under_verl(estimate: Estimator) -> Callable[..., tuple[torch.Tensor, torch.Tensor]]:
    """One of our estimators, which knows rewards and groups, as verl calls one, with tokens."""

    def estimator(
        token_level_rewards: torch.Tensor, response_mask: torch.Tensor, index: Sequence[str], **_: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        rewards = token_level_rewards.sum(dim=-1).double().numpy()
        unlearned = (response_mask.sum(dim=-1) == 0).numpy()  # lost episodes, and the rows verl pads a batch with
        earned = estimate(np.where(unlearned, np.nan, rewards), [str(each) for each in index])
        spread = torch.from_numpy(earned).float()[:, None] * response_mask
        return spread, spread

    return estimator


for _name, _estimate in ADVANTAGES.items():
    register_adv_est(f"limner_{_name}")(under_verl(_estimate))
