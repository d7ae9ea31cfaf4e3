"""verl's V1 trainers with our scores, our advantages, and the checks without which learning may be learning wrong.

sample and score ─▶ old log-probs ─▶ gap, canary ─▶ advantages (framework.advantage) ─▶ update ─▶ pictures counted
└ in the buffer                                                                        └ the rest is verl's
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from transfer_queue import KVBatchMeta
from verl.trainer.ppo.v1 import PPOTrainer, PPOTrainerColocateAsync, PPOTrainerSeparateAsync, PPOTrainerSync
from verl.workers.utils.padding import response_from_nested

from framework.errors import ConfigError, TrainError
from framework.recipe import Recipe
from framework.train import estimators as estimators  # registers our advantages
from framework.train.buffer import scored
from framework.train.chain import Chain
from framework.train.metrics import together
from framework.train.run import Run
from framework.train.scorer import Scorer
from framework.train.showcase import Showcase
from framework.train.storage import column, fetch
from framework.train.tracker import Tracker

GAPS = {"cpu": (1e-5, 1e-4), "cuda": (0.05, 0.5)}
"""How far rollout and trainer may disagree about a token, on average: say so, and stop. Not at most: some of a million
tokens are unlikely, and about these two that round to 16 bits differ by more than 1, though nothing is wrong."""
FIRST = ("index", "session_id", "input_ids", "position_ids", "response_mask", "rollout_log_probs", "multi_modal_inputs")
EVALUATED = ("reward/", "episodes/", "turns/")
"""What is said of an evaluation."""
KEPT = 4
"""Rows of the first batch that are left in the run folder."""


class Limner(PPOTrainer):
    """What is ours in each of verl's trainers."""

    def __init__(self, config: Any) -> None:
        self.run = Run.here()
        self.recipe = self.run.recipe
        self.scorer = self._scorer()
        self.chain = Chain(self.recipe)
        self.showcase = Showcase(self.run.folder, self.recipe.stages.rl.save_every, self.recipe.stages.rl.steps)
        self.sighted = False
        super().__init__(config)

    def _scorer(self) -> Scorer:
        return Scorer(self.recipe.rubric, self.recipe.algorithm, self.recipe.env)

    # ---- before the first step -------------------------------------------------------------------------------------

    def _build_replay_buffer(self) -> Any:
        """verl's buffer, in a class that scores."""
        return scored(super()._build_replay_buffer(), self.scorer)

    def _init_tokenizer(self) -> None:
        super()._init_tokenizer()
        if self.processor is None:
            raise ConfigError(
                f"reasoner.path: verl found no processor in {self.config.actor_rollout_ref.model.path}, "
                "so it would train without pictures; the folder needs preprocessor_config.json"
            )

    def get_reward_handles(self) -> Any:
        """verl's reward processes stay unused: rewards that see a group cannot live in one episode."""

    def _load_checkpoint(self) -> None:
        super()._load_checkpoint()
        if self.global_steps >= self.total_training_steps:
            raise TrainError(f"{self.global_steps} steps are trained already; raise stages.rl.steps to go on")
        if self.global_steps:
            self.chain.resume(self.run.checkpoint(self.global_steps), self.global_steps)

    def on_train_begin(self) -> None:
        self._track()
        super().on_train_begin()

    def on_validate_begin(self) -> None:
        self._track()
        super().on_validate_begin()

    def _track(self) -> None:
        """metrics.jsonl is one of verl's loggers."""
        if "limner" not in self.logger.logger:
            self.logger.logger["limner"] = Tracker(self.run.metrics)

    # ---- a step ----------------------------------------------------------------------------------------------------

    def step(self, metrics: dict[str, Any], timing_raw: dict[str, Any]) -> KVBatchMeta:
        self.batches: list[dict[str, Any]] = []
        batch = super().step(metrics, timing_raw)
        metrics.update(together(self.batches))
        self.told = metrics | {f"timing_s/{name}": seconds for name, seconds in timing_raw.items()}
        return batch

    def _step_once(self, metrics: dict[str, Any], timing_raw: dict[str, Any], sample_batch_size: int) -> KVBatchMeta:
        batch = super()._step_once(metrics, timing_raw, sample_batch_size)
        self._count_pictures(metrics, len(batch))
        self.batches.append(metrics)
        self.showcase.keep(self.global_steps, batch, self.scorer.taken)
        return batch

    def _compute_old_log_prob(self, batch: KVBatchMeta, metrics: dict[str, Any]) -> KVBatchMeta:
        batch = super()._compute_old_log_prob(batch, metrics)
        metrics.update(self._gap(batch))
        if not self.sighted:
            self._keep_first_rows(batch)
            metrics.update(self._canary(batch))
            self.sighted = True
        return batch

    def _gap(self, batch: KVBatchMeta) -> dict[str, float]:
        """How far rollout and trainer disagree about the tokens that these very weights said."""
        fields = fetch(batch, "rollout_log_probs", "old_log_probs", "response_mask")
        old = self._as_sampled(batch, fields["old_log_probs"])
        apart = _apart(fields, fields["rollout_log_probs"], old, self._comparable(batch, fields))
        if not len(apart):
            return {}
        return judged(apart, *tolerated(self.recipe))

    def _as_sampled(self, batch: KVBatchMeta, log_probs: Any) -> torch.Tensor:
        """The trainer's log-probs as the rollout would have them."""
        return log_probs

    def _comparable(self, batch: KVBatchMeta, fields: Any) -> torch.Tensor:
        """The tokens that these very weights said, which in async modes are not all."""
        now = torch.tensor([tag["min_global_steps"] == self.global_steps - 1 for tag in batch.tags])
        return torch.repeat_interleave(now, fields["response_mask"].offsets().diff())

    def _keep_first_rows(self, batch: KVBatchMeta) -> None:
        """Some of what the trainer was given first, for whoever wants to compare it with what was played."""
        few = KVBatchMeta(keys=batch.keys[:KEPT], tags=batch.tags[:KEPT], partition_id=batch.partition_id)
        torch.save({field: column(few, field) for field in FIRST}, self.run.first_rows)

    def _canary(self, batch: KVBatchMeta) -> dict[str, float]:
        """Shuffle pixels between the pictures: a trainer that sees them must think otherwise of the replies."""
        if not any(told["hashes"] for told in column(batch, "extra_fields")):
            return {}
        asked = {"blind": True, "calculate_entropy": False, "compute_loss": False}
        batch.extra_info = asked | {"temperature": self.config.actor_rollout_ref.rollout.temperature}
        self.actor_rollout_wg.compute_log_prob(batch)
        batch.extra_info = {}
        fields = fetch(batch, "log_probs", "old_log_probs", "response_mask")
        blind = response_from_nested(fields["log_probs"], fields["response_mask"])
        change = float(_apart(fields, blind, fields["old_log_probs"]).mean())
        if change == 0:
            raise TrainError("the trainer is blind: with the pixels of all pictures shuffled it says the same")
        return {"canary/logprob_change": change}

    def _count_pictures(self, metrics: dict[str, Any], rows: int) -> None:
        """Every picture that was played with must have passed through the update, once an epoch."""
        per_gradient = metrics.pop("actor/pictures", None)
        if per_gradient is None:
            return
        algorithm = self.recipe.algorithm
        gradients = rows // ((algorithm.mini_batch or algorithm.prompts) * algorithm.group)
        trained, rolled_out = round(per_gradient * gradients), metrics["images/rolled_out"]
        metrics["images/trained"] = float(trained)
        if trained != rolled_out:
            raise TrainError(f"{rolled_out:.0f} pictures were played with and {trained} trained on")

    def _validate(self) -> dict[str, Any]:
        metrics = super()._validate()
        told = {name: value for name, value in self.scorer.evaluated.items() if name.startswith(EVALUATED)}
        return metrics | {f"eval/{name}": value for name, value in told.items()}

    # ---- what is kept ----------------------------------------------------------------------------------------------

    def _fetch_one_gen_batch(self) -> Any:
        rows = super()._fetch_one_gen_batch()
        self.chain.consume([int(index) for index in rows["index"]])
        return rows

    def _save_checkpoint(self) -> None:
        """verl saves a step first, evaluates it, and logs it at the end: what is told of it so far is saved with it."""
        self.chain.save(self.run.checkpoint(self.global_steps), self.global_steps)
        Tracker(self.run.told(self.global_steps)).log(self.told, self.global_steps)
        super()._save_checkpoint()


def _apart(fields: Any, one: torch.Tensor, other: torch.Tensor, among: torch.Tensor | bool = True) -> torch.Tensor:
    """|one − other| on the tokens the policy said."""
    said = fields["response_mask"].values().bool() & among
    return (one.values() - other.values()).abs()[said]


def tolerated(recipe: Recipe) -> tuple[float, float]:
    """From what gap on one is warned, and from what on a run stops."""
    stage, sampling = recipe.stages.rl, recipe.rollout
    narrowed = -math.log(sampling.top_p) if sampling.backend == "vllm" else 0.0  # its log-probs are of the tokens kept
    warn, stop = (narrowed + gap for gap in GAPS[recipe.cluster.platform])
    return warn if stage.gap_warn is None else stage.gap_warn, stop if stage.gap_stop is None else stage.gap_stop


def judged(apart: torch.Tensor, warn: float, stop: float) -> dict[str, float]:
    """What is told of a gap at each token, if it is one to go on with."""
    mean, most = float(apart.mean()), float(apart.max())
    told = f"rollout and trainer disagree by {mean:.3g} about a token on average ({most:.3g} at most)"
    if mean > stop:
        raise TrainError(
            f"{told}: they do not see the same pictures, positions or weights. stages.rl.gap_stop sets what is allowed"
        )
    if mean > warn:
        print(f"WARNING: {told}", flush=True)
    return {"logprob_gap/mean": mean, "logprob_gap/max": most}


class Sync(Limner, PPOTrainerSync):
    """Play, then learn, on the same devices."""


class ColocateAsync(Limner, PPOTrainerColocateAsync):
    """Episodes go on over updates, on the same devices."""


class SeparateAsync(Limner, PPOTrainerSeparateAsync):
    """Playing and learning have devices of their own."""


TRAINERS: Mapping[str, type[PPOTrainer]] = {
    "sync": Sync,
    "colocate_async": ColocateAsync,
    "separate_async": SeparateAsync,
}
"""By verl's names of its modes."""
