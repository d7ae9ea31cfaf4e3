"""Where an evaluation's masks are drawn on the devices that also play: who makes room, and when."""

from types import SimpleNamespace
from typing import Any

import pytest
from transfer_queue import KVBatchMeta
from verl.trainer.ppo.v1.trainer_separate_async import HybridEngineMode

from framework.train.drawing.trainer import DrawsColocateAsync, DrawsSeparateAsync, DrawsSync


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        (DrawsSync, ["sleep_replicas"], ["update_weights"]),
        (
            DrawsColocateAsync,
            ["abort_replicas", "sleep_replicas"],
            ["update_weights", "resume_generation_replicas"],
        ),
        (
            DrawsSeparateAsync,
            ["remove_replicas_from_balancer", "abort_replicas", "sleep_replicas"],
            ["update_weights", "resume_generation_replicas", "add_replicas_to_balancer"],
        ),
    ],
)
def test_servers_make_room_for_the_masks_of_an_evaluation(kind: Any, before: list[str], after: list[str]):
    done, trainer = list[str](), object.__new__(kind)

    def noted(name: str) -> Any:
        return lambda *_, **__: done.append(name)

    trainer.checkpoint_manager = SimpleNamespace(**{name: noted(name) for name in (*before, *after)})
    trainer.current_mode = HybridEngineMode.ROLLOUT
    for name in ("remove_replicas_from_balancer", "add_replicas_to_balancer"):
        setattr(trainer, name, noted(name))
    trainer.actor_rollout_wg = SimpleNamespace(_dispatch_info={"actor": [0]}, compute_log_prob=noted("draw"))
    rollout = SimpleNamespace(log_prob_micro_batch_size_per_gpu=1, temperature=1.0)
    trainer.config = SimpleNamespace(actor_rollout_ref=SimpleNamespace(rollout=rollout))
    trainer.tokenizer, trainer.global_steps = SimpleNamespace(eos_token_id=0), 2
    trainer.draw(KVBatchMeta(keys=["a_0_0"], tags=[{}], partition_id="val"))
    assert done == [*before, "draw", *after]
