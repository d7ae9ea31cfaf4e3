"""One table between two trees of settings: ours on the left, verl's on the right.

recipe ─▶ overrides: verl's dotted key → value ─▶ verl's own yaml, overridden ─▶ what verl runs on
recipe.verl, as it is ──────────────────────────▲ (wins)
"""

import importlib.util
from collections.abc import Iterator, Mapping
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from framework.advantage import ADVANTAGES
from framework.errors import ConfigError
from framework.recipe import Recipe
from framework.registry import nearest

if TYPE_CHECKING:
    from omegaconf import DictConfig

ACTOR, ROLLOUT, MODEL = (f"actor_rollout_ref.{part}" for part in ("actor", "rollout", "model"))
OPTIM, FSDP, REF = f"{ACTOR}.optim", f"{ACTOR}.fsdp_config", "actor_rollout_ref.ref"

SAME = {
    "algorithm.group": f"{ROLLOUT}.n",
    "algorithm.prompts": "data.train_batch_size",
    "algorithm.epochs": f"{ACTOR}.ppo_epochs",
    "algorithm.resample_settled": "algorithm.filter_groups.enable",
    "algorithm.lr": f"{OPTIM}.lr",
    "algorithm.schedule": f"{OPTIM}.lr_scheduler_type",
    "algorithm.warmup": f"{OPTIM}.lr_warmup_steps",
    "algorithm.weight_decay": f"{OPTIM}.weight_decay",
    "algorithm.betas": f"{OPTIM}.betas",
    "algorithm.loss": f"{ACTOR}.policy_loss.loss_mode",
    "algorithm.loss_mean": f"{ACTOR}.loss_agg_mode",
    "algorithm.kl_coef": f"{ACTOR}.kl_loss_coef",
    "algorithm.lora_rank": f"{MODEL}.lora_rank",
    "algorithm.lora_alpha": f"{MODEL}.lora_alpha",
    "rollout.backend": f"{ROLLOUT}.name",
    "rollout.temperature": f"{ROLLOUT}.temperature",
    "rollout.top_p": f"{ROLLOUT}.top_p",
    "rollout.prompt_tokens": "data.max_prompt_length",
    "rollout.episode_tokens": "data.max_response_length",
    "cluster.platform": "trainer.device",
    "cluster.nodes": "trainer.nnodes",
    "cluster.gpus_per_node": "trainer.n_gpus_per_node",
    "cluster.mode": "trainer.v1.trainer_mode",
    "cluster.tensor_parallel": f"{ROLLOUT}.tensor_model_parallel_size",
    "cluster.sequence_parallel": f"{ACTOR}.ulysses_sequence_parallel_size",
    "cluster.gradient_checkpointing": f"{MODEL}.enable_gradient_checkpointing",
    "stages.rl.steps": "trainer.total_training_steps",
    "stages.rl.save_every": "trainer.save_freq",
    "stages.rl.keep": "trainer.max_actor_ckpt_to_keep",
    "stages.rl.trackers": "trainer.logger",
    "seed": "data.seed",
    "name": "trainer.experiment_name",
}
"""What both trees have, under two names."""

TOWERS = ("visual", "vision_tower")
"""What families call their eyes."""
EYES = rf".*\b({'|'.join(TOWERS)})\b.*"
"""Modules that get no adapters where the eyes are frozen."""

HOUSE: dict[str, Any] = {
    "data.custom_cls.path": "pkg://framework.train.dataset",
    "data.custom_cls.name": "Rows",
    "data.train_files": "train",
    "data.val_files": "eval",
    "data.dataloader_num_workers": 0,
    "data.return_multi_modal_inputs": False,
    "trainer.project_name": "limner",
    "trainer.val_before_train": False,
    "trainer.resume_mode": "auto",
    "trainer.total_epochs": 1_000_000,
    f"{MODEL}.external_lib": "framework.train.registration",
    f"{ACTOR}.strategy": "fsdp2",
    f"{ACTOR}.checkpoint.save_contents": ["model", "optimizer", "extra", "hf_model"],
    f"{ROLLOUT}.agent.agent_loop_manager_class": "framework.train.agent_loop.Players",
    f"{ROLLOUT}.calculate_log_probs": True,
    "reward.num_workers": 0,
}
"""What is ours to decide, whatever the recipe says: who plays, who scores, how long is counted in steps."""

ON_CPU: dict[str, Any] = {
    "ray_kwargs.ray_init.num_cpus": 16,
    "ray_kwargs.ray_init.include_dashboard": False,
    f"{ACTOR}.use_torch_compile": False,
    f"{FSDP}.use_torch_compile": False,
    f"{FSDP}.mixed_precision.param_dtype": "fp32",
    f"{FSDP}.dtype": "float32",
    f"{OPTIM}.override_optimizer_config.foreach": True,  # on CUDA torch does so itself
    f"{REF}.fsdp_config.mixed_precision.param_dtype": "fp32",
    f"{REF}.fsdp_config.dtype": "float32",
    f"{ROLLOUT}.dtype": "float32",
    f"{ROLLOUT}.free_cache_engine": False,
    f"{ROLLOUT}.agent.num_workers": 1,
    f"{ROLLOUT}.checkpoint_engine.update_weights_bucket_megabytes": 64,
    "transfer_queue.backend.SimpleStorage.num_data_storage_units": 1,
}
"""Two cores: single precision, one process of each kind. Ray's CPUs are slots, more than there are cores."""

UNPACKED: dict[str, Any] = {"override_config.attn_implementation": "sdpa", "use_remove_padding": False}
"""Of a model whose episodes have a row each."""

VLLM: dict[str, Any] = {
    f"{ROLLOUT}.engine_kwargs.vllm.mm_processor_kwargs": {"do_resize": False},
}
"""Pictures come as large as they should be seen; a processor that enlarged them would count other tokens."""

VLLM_ON_CPU: dict[str, Any] = {
    f"{ROLLOUT}.engine_kwargs.vllm.worker_extension_cls": "framework.train.vllm_cpu.Extension",
    f"{ROLLOUT}.engine_kwargs.vllm.kv_cache_memory_bytes": 1 << 30,
    f"{ROLLOUT}.enable_sleep_mode": False,
    f"{ROLLOUT}.enforce_eager": True,
    f"{ROLLOUT}.load_format": "auto",
    f"{ROLLOUT}.enable_chunked_prefill": False,
    f"{ROLLOUT}.max_num_seqs": 64,
}
"""vLLM's CPU platform has neither sleep nor graphs, and a prompt read in parts would rewind a seed, which it cannot."""

NOT_OTHERWISE = {f"{ACTOR}.strategy": "fsdp2", f"{MODEL}.use_fused_kernels": False, f"{ROLLOUT}.top_k": -1}
"""What the pass-through cannot change: our engine reads whole logits, and weights where FSDP2 leaves them; our players
ask servers by temperature and top_p."""

APART = (
    (f"{ROLLOUT}.nnodes", 0, "how many nodes these are"),
    (f"{ROLLOUT}.checkpoint_engine.backend", "naive", "how weights get there (nccl, nixl, …)"),
)
"""What verl wants to be told of servers with devices of their own."""

OPEN = (
    "override_config",
    "engine_kwargs",
    "ray_init",
    "sampler_kwargs",
    "mixed_precision",
    "override_optimizer_config",
)
"""Parts of verl's tree where any key may stand."""


def overrides(recipe: Recipe, run: Path, model: str = "") -> dict[str, Any]:
    """What verl is told, by its own dotted keys, in the order in which it is laid over verl's defaults."""
    on_cpu, on_vllm = recipe.cluster.platform == "cpu", recipe.rollout.backend == "vllm"
    return {
        **HOUSE,
        **(ON_CPU if on_cpu else {}),
        **(VLLM if on_vllm else {}),
        **(VLLM_ON_CPU if on_vllm and on_cpu else {}),
        **{theirs: _plain(reduce(getattr, ours.split("."), recipe)) for ours, theirs in SAME.items()},
        **dict(_worked_out(recipe)),
        **_folders(run, model or recipe.reasoner.path),
        **dict(_leaves(recipe.verl)),
    }


def _worked_out(recipe: Recipe) -> Iterator[tuple[str, Any]]:
    """What verl counts or splits otherwise than we do."""
    algorithm, sampling, cluster, stage = recipe.algorithm, recipe.rollout, recipe.cluster, recipe.stages.rl
    advantage = algorithm.advantage
    yield "algorithm.adv_estimator", f"limner_{advantage}" if advantage in ADVANTAGES else advantage
    mini_batch = algorithm.mini_batch or algorithm.prompts
    yield f"{ACTOR}.ppo_mini_batch_size", mini_batch
    if cluster.mode == "separate_async":
        yield "trainer.v1.separate_async.parameter_sync_step", max(algorithm.prompts // mini_batch, 1)
    shards = max(cluster.nodes * cluster.gpus_per_node // cluster.sequence_parallel, 1)
    micro_batch = divisor(mini_batch * algorithm.group // shards, algorithm.micro_batch)
    for side, key in ((ACTOR, "ppo"), (ROLLOUT, "log_prob"), (REF, "log_prob")):
        yield f"{side}.{key}_micro_batch_size_per_gpu", micro_batch
    low, high = algorithm.clip
    yield f"{ACTOR}.clip_ratio", low
    yield f"{ACTOR}.clip_ratio_low", low
    yield f"{ACTOR}.clip_ratio_high", high
    yield f"{ACTOR}.use_kl_loss", algorithm.kl != "off"
    if algorithm.kl != "off":
        yield f"{ACTOR}.kl_loss_type", algorithm.kl
    yield f"{MODEL}.lora.merge", algorithm.lora_rank > 0  # rollout servers get whole weights
    if recipe.drawing and recipe.drawing.calibration.on and recipe.drawing.calibration.where == "log_prob":
        yield f"{ACTOR}.policy_loss.loss_mode", f"drawn_{algorithm.loss}"  # framework/train/drawing/calibrated.py
    if "vision" in algorithm.freeze:
        yield f"{MODEL}.exclude_modules", EYES
    if not packed(recipe):
        yield from ((f"{MODEL}.{key}", value) for key, value in UNPACKED.items())
    yield f"{FSDP}.param_offload", cluster.offload
    yield f"{FSDP}.optimizer_offload", cluster.offload
    yield f"{REF}.fsdp_config.param_offload", cluster.offload
    yield f"{ROLLOUT}.max_model_len", sampling.prompt_tokens + sampling.episode_tokens
    if sampling.backend == "transformers":
        yield f"{ROLLOUT}.router_config_path", str(Path(__file__).with_name("router.yaml"))
    yield "trainer.test_freq", stage.test_every or -1
    if cluster.platform == "cpu":
        yield "ray_kwargs.ray_init.num_gpus", cluster.gpus_per_node
        yield f"{ROLLOUT}.max_num_batched_tokens", sampling.prompt_tokens + sampling.episode_tokens


def packed(recipe: Recipe) -> bool:
    """Do episodes lie end to end in one row? What keeps them apart there is flash attention, a package of its own."""
    return recipe.reasoner.packs and recipe.cluster.platform == "cuda" and has_flash_attention()


def has_flash_attention() -> bool:
    return importlib.util.find_spec("flash_attn") is not None


def divisor(number: int, most: int) -> int:
    """The largest divisor of `number` that is no more than `most`: verl wants micro-batches of equal size."""
    return max(each for each in range(1, max(min(number, most), 1) + 1) if number % each == 0)


def _folders(run: Path, model: str) -> dict[str, Any]:
    return {
        "trainer.default_local_dir": str(run / "checkpoints"),
        f"{MODEL}.path": model,
    }


def _plain(value: Any) -> Any:
    return list(cast("tuple[Any, ...]", value)) if isinstance(value, tuple) else value


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """a: {b: 1} as a.b = 1; dotted keys are left as they are."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(cast("Mapping[str, Any]", value), f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


# ---- verl's side --------------------------------------------------------------------------------------------------


def verl_config(recipe: Recipe, run: Path, model: str = "") -> "DictConfig":
    """Everything verl gets: its own defaults with the overrides on them. verl itself is not imported."""
    from omegaconf import OmegaConf

    apart = recipe.cluster.mode == "separate_async"
    if apart and recipe.rollout.backend == "transformers":
        raise ConfigError("cluster.mode: separate_async needs servers of their own; set rollout.backend=vllm with it")
    if apart and recipe.cluster.offload and recipe.algorithm.mini_batch not in (None, recipe.algorithm.prompts):
        # verl keeps a second copy of the weights between two mini-batches, which in host memory is the first
        raise ConfigError(
            "cluster.offload: separate_async would forget all mini-batches of a step but the last with it; set it to "
            "false, or leave algorithm.mini_batch out"
        )
    if recipe.cluster.sequence_parallel > 1 and not packed(recipe):
        raise ConfigError(
            f"cluster.sequence_parallel: {recipe.cluster.sequence_parallel} needs packed episodes, which only CUDA and "
            "flash attention have (uv pip install flash-attn --no-build-isolation); set it to 1 without"
        )
    config = defaults()
    for key, _ in _leaves(recipe.verl):
        refuse_unknown(config, key)
    for key, value in overrides(recipe, run, model).items():
        OmegaConf.update(config, key, value, force_add=True)
    for key, lacking, example in APART if apart else ():
        if OmegaConf.select(config, key) == lacking:
            raise ConfigError(
                f"cluster.mode: separate_async plays on devices of its own; say {example} with verl.{key}"
            )
    for key, only in NOT_OTHERWISE.items():
        if (asked := OmegaConf.select(config, key)) != only:
            raise ConfigError(f"verl.{key}: {asked!r}, but training knows only {only!r} here; leave it out")
    return config


def defaults(trainer: str = "ppo_trainer") -> "DictConfig":
    """The settings of one of verl's own trainers, composed from its yaml files."""
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    found = importlib.util.find_spec("verl")
    if found is None or not found.submodule_search_locations:
        raise ConfigError("verl is not installed; run `uv sync`")
    folder = Path(found.submodule_search_locations[0]) / "trainer" / "config"
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(folder), version_base=None):
        return compose(trainer)


def refuse_unknown(config: "DictConfig", key: str) -> None:
    """verl lets any key be added; a mistyped one would then be without effect."""
    from omegaconf import DictConfig

    node: Any = config
    for step in key.split("."):
        if not isinstance(node, DictConfig) or any(f".{part}." in f".{key}." for part in OPEN):
            return
        there = [str(each) for each in node]  # `in` would say no to a ???
        if step not in there:
            raise ConfigError(f"verl.{key}: verl has no such setting; {nearest(step, there)}")
        node = node._get_node(step)  # pyright: ignore[reportPrivateUsage]  # reading would resolve ??? and raise
