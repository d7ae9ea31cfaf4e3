"""verl's policy losses, told of a [SEG] token's log-probability what its mask is worth.

    log π, old log π ─▶ KL, entropy, the gap to the rollout: as they are
          └──────────▶ + weight · ℓ now, + weight · ℓ then, at [SEG] ─▶ the loss that algorithm.loss names

Each loss that verl knows by a name is known a second time as drawn_<name>. Masks do not reach a loss through verl, so
whoever calls it says beforehand, for this call, what is to be added (`told`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from verl.trainer.ppo.core_algos import POLICY_LOSS_REGISTRY, register_policy_loss

Added = tuple[torch.Tensor, torch.Tensor]
"""What is added to the log-probs of now and of then, each as large as they are."""
ADDED: ContextVar[Added | None] = ContextVar("ADDED", default=None)
PREFIX = "drawn_"


@contextmanager
def told(added: Added | None) -> Iterator[None]:
    before = ADDED.set(added)
    try:
        yield
    finally:
        ADDED.reset(before)


def calibrated(loss: Callable[..., Any]) -> Callable[..., Any]:
    """The same loss of calibrated log-probs."""

    def of_drawn(old_log_prob: torch.Tensor, log_prob: torch.Tensor, *args: Any, **named: Any) -> Any:
        added = ADDED.get()
        if added is None:
            return loss(old_log_prob, log_prob, *args, **named)
        now, then = added
        return loss(old_log_prob + then, log_prob + now, *args, **named)

    return of_drawn


for _name, _loss in tuple(POLICY_LOSS_REGISTRY.items()):
    register_policy_loss(PREFIX + _name)(calibrated(_loss))
