"""The process in which verl's SFT trainer runs; cold_start.py starts it, with LIMNER_RUN set.

recipe.stages.cold_start ─▶ overrides: verl's dotted key → value ─▶ verl's SFTTrainer over Lessons ─▶ checkpoints/
"""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import Any

from framework.errors import ConfigError, LimnerError
from framework.recipe import Recipe
from framework.train.run import Run
from framework.train.settings import EYES, UNPACKED, defaults, divisor, packed
from framework.train.tracker import Tracker
from framework.training import Cluster

STAGE = "cold_start"
DEMONSTRATIONS = "demonstrations.jsonl"

SAME = {
    "stages.cold_start.steps": "trainer.total_training_steps",
    "stages.cold_start.save_every": "trainer.save_freq",
    "stages.cold_start.keep": "trainer.max_ckpt_to_keep",
    "stages.cold_start.batch": "data.train_batch_size",
    "stages.cold_start.lr": "optim.lr",
    "stages.cold_start.schedule": "optim.lr_scheduler_type",
    "stages.cold_start.least": "optim.min_lr_ratio",
    "stages.cold_start.warmup": "optim.lr_warmup_steps",
    "stages.cold_start.weight_decay": "optim.weight_decay",
    "algorithm.lora_rank": "model.lora_rank",
    "algorithm.lora_alpha": "model.lora_alpha",
    "cluster.platform": "trainer.device",
    "cluster.gpus_per_node": "trainer.n_gpus_per_node",
    "cluster.gradient_checkpointing": "model.enable_gradient_checkpointing",
    "cluster.offload": "engine.param_offload",
    "reasoner.path": "model.path",
    "seed": "trainer.seed",
    "name": "trainer.experiment_name",
}
"""What both trees have, under two names."""

HOUSE: dict[str, Any] = {
    "data.custom_cls.path": "pkg://framework.train.lessons",
    "data.custom_cls.name": "Lessons",
    "data.use_dynamic_bsz": False,
    "data.num_workers": 1,
    "model.external_lib": "framework.train.registration",
    "engine.strategy": "fsdp2",
    "trainer.project_name": "limner",
    "trainer.total_epochs": 1_000_000,
    "trainer.resume_mode": "auto",
    "checkpoint.save_contents": ["model", "optimizer", "extra", "hf_model"],
}

ON_CPU: dict[str, Any] = {
    "engine.use_torch_compile": False,
    "engine.dtype": "float32",
    "engine.mixed_precision.param_dtype": "fp32",
    "optim.override_optimizer_config.foreach": True,  # on CUDA torch does so itself
}

LOGGED = {
    "train/loss": "actor/pg_loss",
    "train/grad_norm": "actor/grad_norm",
    "train/lr": "actor/lr",
    "train/global_tokens": "perf/total_num_tokens",
}
"""What verl calls the same things in its two trainers."""


def overrides(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """What verl is told, by its own dotted keys."""
    stage, devices = recipe.stages.cold_start, recipe.cluster.gpus_per_node
    return {
        **HOUSE,
        **(ON_CPU if recipe.cluster.platform == "cpu" else {}),
        **{theirs: reduce(getattr, ours.split("."), recipe) for ours, theirs in SAME.items()},
        **({"model.exclude_modules": EYES} if "vision" in recipe.algorithm.freeze else {}),
        **({} if packed(recipe) else {f"model.{key}": value for key, value in UNPACKED.items()}),
        "trainer.logger": list(recipe.stages.rl.trackers),
        "optim.betas": list(stage.betas),
        "data.micro_batch_size_per_gpu": divisor(stage.batch // devices, stage.micro_batch),
        "data.train_files": str(folder / DEMONSTRATIONS),
        "data.max_length": recipe.rollout.prompt_tokens + recipe.rollout.episode_tokens,
        "trainer.default_local_dir": str(folder / "checkpoints"),
    }


class Diary(Tracker):
    """metrics.jsonl of this stage, in the words of the other."""

    began = time.perf_counter()

    def log(self, data: Mapping[str, Any], step: int) -> None:
        from verl.utils.metric import Metric

        now = time.perf_counter()
        known = {LOGGED[name]: value for name, value in data.items() if name in LOGGED}
        known |= {name: Metric.aggregate_dp(value) for name, value in data.items() if name.startswith("drawing/")}
        super().log(known | {"timing_s/step": now - self.began}, step)
        self.began = now


def train(run: Run) -> None:
    from omegaconf import OmegaConf
    from verl.trainer import sft_trainer

    import framework.train.engines  # noqa: F401  # pyright: ignore[reportUnusedImport]  # takes the place of verl's
    from framework.train import lessons, patches
    from framework.train.platform import assert_platform

    recipe = run.recipe
    assert_platform(recipe.cluster.platform)
    enough(recipe.cluster)
    config = defaults("sft_trainer_engine")
    for key, value in overrides(recipe, run.home).items():
        OmegaConf.update(config, key, value, force_add=True)
    patches.sft_diary(lambda: Diary(run.metrics, STAGE))
    lessons.carry_small()
    lessons.end_together()
    sys.stdin.read()  # it ends when the demonstrations lie there
    with joined():
        sft_trainer.SFTTrainer(config).fit()


def enough(cluster: Cluster) -> None:
    """Are there as many devices as there are processes? verl looks for its own, and finds none."""
    import torch

    there = torch.cuda.device_count()
    if cluster.platform == "cuda" and there < cluster.gpus_per_node:
        raise ConfigError(
            f"cluster.gpus_per_node: {cluster.gpus_per_node}, but torch finds {there} GPUs here, where the cold start "
            "learns; run it where there are as many, or ask for fewer"
        )


@contextmanager
def joined() -> Iterator[None]:
    """All processes of the stage, each on a device of its own, as verl joins them; on a CPU torch refuses its way."""
    from torch import distributed
    from verl.utils import distributed as verls

    from framework.train import patches

    if patches.on_cpu():
        distributed.init_process_group("cpu:gloo")
    else:
        verls.initialize_global_process_group()
    try:
        yield
    finally:
        verls.destroy_global_process_group()


def main() -> int:
    run = Run.here()
    try:
        train(run)
    except LimnerError as error:
        from framework.train.reason import reason

        run.reason.write_text(reason(error))
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main())
