"""The driver with a trainer that is put to the test in its first step: does it stop where it should?

pictures without a mark on them, no gap allowed ─▶ again, any gap allowed ─▶ a pool ─▶ as ever
└ what stopped it ───────────────────────────────┴─▶ logs/probes.json ◀──────┘
"""

import json
import sys
from typing import Any

import pooling
import ray
import torch
import transfer_queue as tq
from transfer_queue import KVBatchMeta
from verl.utils import tensordict_utils

from framework.config import load, typed
from framework.errors import TrainError
from framework.recipe import Recipe
from framework.train import driver, trainer
from framework.train.fingerprint import fingerprints
from framework.train.storage import column

Inputs = dict[str, torch.Tensor]


class Probed(trainer.Sync):
    def __init__(self, config: Any) -> None:
        self.beside = sorted(ray.util.list_named_actors())
        super().__init__(config)

    def _compute_old_log_prob(self, batch: KVBatchMeta, metrics: dict[str, Any]) -> KVBatchMeta:
        if not self.sighted:
            shown = column(batch, "multi_modal_inputs")
            put(batch, [blank(inputs) for inputs in shown])
            probes: dict[str, Any] = {"beside": self.beside, "gap": self.stopped(batch, "stages.rl.gap_stop=0")}
            probes["blind"] = self.stopped(batch, "stages.rl.gap_stop=1000")
            put(batch, shown)
            probes |= {"pool": pooling.probes(self.run.logs)}
            (self.run.logs / "probes.json").write_text(json.dumps(probes))
        return super()._compute_old_log_prob(batch, metrics)

    def stopped(self, batch: KVBatchMeta, change: str) -> str:
        """What stops this very step with a changed recipe; nothing if it goes on."""
        own, self.recipe = self.recipe, typed(Recipe, load(self.run.recipe_file, [change]))
        try:
            super()._compute_old_log_prob(batch, {})
        except TrainError as error:
            return str(error)
        finally:
            self.recipe = own
        return ""


def blank(inputs: Inputs) -> Inputs:
    """Pictures of the same sizes, all black, and known to be."""
    if not inputs:
        return inputs
    black = torch.zeros_like(inputs["pixel_values"])
    return inputs | {"pixel_values": black, "fingerprints": fingerprints(black, inputs["image_grid_thw"])}


def put(batch: KVBatchMeta, inputs: list[Inputs]) -> None:
    fields = tensordict_utils.get_tensordict({"multi_modal_inputs": inputs})
    tq.kv_batch_put(keys=batch.keys, partition_id=str(batch.partition_id), fields=fields)


if __name__ == "__main__":
    trainer.TRAINERS = {"sync": Probed}
    sys.exit(driver.main())
