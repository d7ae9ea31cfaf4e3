"""The trainers of a policy that draws: rewards are known once its masks are, which is in the middle of a step.

    1  sample          a batch in the order of its tasks, not scored                    the buffer
    2  balance         over the ranks, group by group                                   dealing.py
    3  old log-probs   and of the same forward pass every turn's masks, as bits         the engine (engine.py)
    4  gap, canary     as without a pen
    5  draw, score     bits ─▶ `Turn.drawn` ─▶ rewards, in the order of the batch       here
    6  reference       log-probs of a model without a pen                               verl
    7  advantages      framework.advantage
    8  update          calibrated policy loss, and the mask loss                        the engine

No pass is added: 3 is verl's own. An evaluation within training has none, so there one is made for the masks alone. A
batch of verl's asynchronous modes goes the same way.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import transfer_queue as tq
from transfer_queue import KVBatchMeta
from verl.trainer.ppo.padding_utils import upsample_batch_to_divisible_size
from verl.trainer.ppo.v1.trainer_separate_async import HybridEngineMode
from verl.utils.seqlen_balancing import calculate_workload, log_seqlen_unbalance
from verl.workers.utils.padding import response_from_nested

from framework import drawing
from framework.calibration import uncalibrated
from framework.drawing import Sitting
from framework.errors import ConfigError
from framework.train.buffer import Buffer, BufferAsync
from framework.train.drawing.dealing import dealt
from framework.train.drawing.portfolio import unpack, with_drawings
from framework.train.metrics import Metrics
from framework.train.scorer import Scorer
from framework.train.storage import column, fetch, group_of
from framework.train.trainer import ColocateAsync, Limner, SeparateAsync, Sync
from framework.types import Drawn, Episode


class DrawnScorer(Scorer):
    """Scores episodes with what they drew, which lies beside them by then."""

    def __init__(self, recipe: Any) -> None:
        super().__init__(recipe.rubric, recipe.algorithm, recipe.env)
        self.drawing = recipe.drawing
        self.spots = 0
        """Frames, each once, that the last batch drew on."""

    def episodes(self, batch: KVBatchMeta, extras: Sequence[Mapping[str, Any]]) -> list[Episode]:
        played, grid = super().episodes(batch, extras), self.drawing.decoder.grid
        told = [extra.get("sitting") for extra in extras]  # an episode that was lost has none
        sittings: list[Sitting | None] = [drawing.read(each) if each else None for each in told]
        drawn: list[list[Drawn | None]] = [
            unpack(np.asarray(bits, np.uint8), each, grid) if each else [None] * len(episode.turns)
            for bits, each, episode in zip(column(batch, "drawn"), sittings, played, strict=True)
        ]
        self.spots = len(
            {
                (sitting.video, frame)
                for sitting, turns in zip(sittings, drawn, strict=True)
                if sitting
                for canvas, turn in zip(sitting.turns, turns, strict=True)
                if turn
                for frame in (*canvas.frames, canvas.keyframe)
            }
        )
        return [with_drawings(episode, turns) for episode, turns in zip(played, drawn, strict=True)]


class _Gathered:
    """A buffer that gives out batches before they are scored."""

    trainer: "Draws"

    def taken(self, batch: KVBatchMeta) -> Metrics:
        self.trainer.scorer.arrange(batch)
        if batch.partition_id == "val":
            self.trainer.draw(batch)
            return self.trainer.scorer.judge(batch)
        return {}


class GatheredBuffer(_Gathered, Buffer):
    pass


class GatheredBufferAsync(_Gathered, BufferAsync):
    pass


class Draws(Limner):
    """What a policy that draws adds to each trainer."""

    scorer: DrawnScorer

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        correction = config.algorithm.get("rollout_correction", None)
        if correction and correction.get("bypass_mode", False):
            raise ConfigError(
                "verl.algorithm.rollout_correction.bypass_mode: leaves out the pass in which masks are drawn; unset it"
            )

    def _scorer(self) -> Scorer:
        return DrawnScorer(self.recipe)

    def _build_replay_buffer(self) -> Any:
        buffer = super()._build_replay_buffer()
        made = object.__new__(GatheredBufferAsync if isinstance(buffer, BufferAsync) else GatheredBuffer)
        vars(made).update(vars(buffer), trainer=self)
        return made

    def _balance_batch(self, batch: KVBatchMeta, metrics: Any, *args: Any, **settings: Any) -> KVBatchMeta:
        """Whole groups to each rank. verl deals single episodes by their length: then every rank would have a few of
        each group, and look anew at frames on which a group draws together."""
        batch = super()._balance_batch(batch, metrics, *args, **settings)  # fills it up
        lengths = [int(tag["seq_len"]) for tag in batch.tags]
        work = calculate_workload(torch.tensor(lengths)).tolist()
        hands = dealt([group_of(key) for key in batch.keys], work, self.ranks)
        metrics.update(log_seqlen_unbalance(lengths, hands, "global_seqlen"))
        batch.reorder([row for hand in hands for row in hand])
        return batch

    @property
    def ranks(self) -> int:
        """Among which a batch is dealt; verl knows them from the first batch on."""
        return max(self.actor_rollout_wg._dispatch_info["actor"]) + 1

    def draw(self, batch: KVBatchMeta) -> None:
        """A pass for the masks of an evaluation, in which nothing else asks for one. It has any number of episodes, and
        each rank must have as many as any, so it is filled up as verl fills batches."""
        rollout = self.config.actor_rollout_ref.rollout
        share = self.ranks * rollout.log_prob_micro_batch_size_per_gpu
        full = upsample_batch_to_divisible_size(batch, share, self.tokenizer.eos_token_id)
        asked = {"draw": True, "calculate_entropy": False, "compute_loss": False}
        full.extra_info = asked | {"temperature": rollout.temperature}
        self.actor_rollout_wg.compute_log_prob(full)
        batch.extra_info = {}
        if added := full.keys[len(batch) :]:
            tq.kv_clear(keys=added, partition_id=str(batch.partition_id))

    def _compute_old_log_prob(self, batch: KVBatchMeta, metrics: dict[str, Any]) -> KVBatchMeta:
        batch.extra_info = (batch.extra_info or {}) | {"draw": True}
        batch = super()._compute_old_log_prob(batch, metrics)
        metrics.update(self.scorer.judge(self._played(batch)))
        metrics["drawing/spots"] = float(self.scorer.spots)
        return batch

    def _played(self, batch: KVBatchMeta) -> KVBatchMeta:
        """Those of a batch that were played, in the order of their tasks: verl may have filled it up."""
        rows = [row for row, tag in enumerate(batch.tags) if not tag.get("is_padding", False)]
        keys, tags = [batch.keys[row] for row in rows], [batch.tags[row] for row in rows]
        played = KVBatchMeta(keys=keys, tags=tags, partition_id=batch.partition_id)
        self.scorer.arrange(played)
        return played

    def _as_sampled(self, batch: KVBatchMeta, log_probs: Any) -> torch.Tensor:
        """A rollout knows of no masks: what the token would be as likely as, did its logit not speak of its mask."""
        calibration = self.scorer.drawing.calibration
        if not calibration.on or calibration.where != "logit":
            return log_probs
        fields = fetch(batch, "drawn_worth", "response_mask")
        worth = response_from_nested(fields["drawn_worth"], fields["response_mask"])
        temperature = self.config.actor_rollout_ref.rollout.temperature
        plain = uncalibrated(log_probs.values(), worth.values() / temperature)
        return torch.nested.nested_tensor_from_jagged(plain, log_probs.offsets())

    def _step_once(self, metrics: dict[str, Any], timing_raw: dict[str, Any], sample_batch_size: int) -> KVBatchMeta:
        batch = super()._step_once(metrics, timing_raw, sample_batch_size)
        algorithm = self.recipe.algorithm
        gradients = len(batch) // ((algorithm.mini_batch or algorithm.prompts) * algorithm.group)
        for name, count in (("encoded", gradients * algorithm.epochs), ("tokens", gradients)):
            metrics[f"drawing/{name}"] = metrics.pop(f"actor/drawing/{name}") * count
        metrics["drawing/loss"] = metrics.pop("actor/drawing/loss")
        return batch


class DrawsSync(Draws, Sync):
    """Play, draw, then learn, on the same devices."""

    def draw(self, batch: KVBatchMeta) -> None:
        """Rollout servers make room for it, as for a step that learns."""
        servers: Any = self.checkpoint_manager
        servers.sleep_replicas()
        super().draw(batch)
        servers.update_weights(self.global_steps)


class DrawsColocateAsync(Draws, ColocateAsync):
    """Episodes go on over updates, on the same devices."""

    def draw(self, batch: KVBatchMeta) -> None:
        """As in a step that learns: what is being said waits meanwhile, and goes on afterwards."""
        servers: Any = self.checkpoint_manager
        servers.abort_replicas()
        servers.sleep_replicas()
        super().draw(batch)
        servers.update_weights(self.global_steps)
        servers.resume_generation_replicas()


class DrawsSeparateAsync(Draws, SeparateAsync):
    """Playing has devices of its own, and in an evaluation those that learn as well."""

    def draw(self, batch: KVBatchMeta) -> None:
        """These make room for it, as for a step that learns."""
        verls: Any = self
        lent = verls.current_mode is HybridEngineMode.ROLLOUT
        if lent:
            verls.switch_to_trainer()
        super().draw(batch)
        if lent:
            verls.switch_to_rollout()


DRAWING_TRAINERS = {
    "sync": DrawsSync,
    "colocate_async": DrawsColocateAsync,
    "separate_async": DrawsSeparateAsync,
}
"""By verl's names of its modes."""
