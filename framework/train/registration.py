"""Registers our parts with verl, in every process that reads a model's settings (`model.external_lib`)."""

import os
from typing import Any

from verl.workers.rollout.replica import RolloutReplicaRegistry

from framework.train import patches


def _replica() -> Any:
    from framework.train.replica import Replica

    return Replica


RolloutReplicaRegistry.register("transformers", _replica)
patches.transformers_backend("framework.train.replica.WeightSync")

if os.environ.get("WG_BACKEND") == "ray":  # a process that trains
    import framework.train.engines  # noqa: F401  # pyright: ignore[reportUnusedImport]
