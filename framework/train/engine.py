"""verl's FSDP engine, learning from the same tokens and the same pictures that were played with.

micro-batch ─▶ are its pictures those that were shown? ─▶ model ─▶ logits, tokens banned as in sampling ─▶ verl
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.distributed.tensor import DTensor
from verl.utils.fsdp_utils import normalize_peft_param_name, offload_fsdp_model_to_cpu
from verl.utils.metric import Metric
from verl.utils.model import convert_weight_keys
from verl.utils.tensordict_utils import get_non_tensor_data
from verl.workers.engine.fsdp.transformer_impl import FSDPEngineWithLMHead

from framework.errors import TrainError
from framework.reasoners.attention import exact_attention, exact_recurrence
from framework.reasoners.generator import unsaid
from framework.reasoners.towers import quicken_towers
from framework.train import patches
from framework.train.fingerprint import fingerprints
from framework.train.patches import Weights
from framework.train.run import Run
from framework.train.settings import TOWERS

PICTURES = ("pixel_values", "image_grid_thw")
"""As they travel; the family's voice makes of them what its model takes."""
NEVER = -1e9
"""A logit that is never sampled. Not −∞, whose entropy is no number."""


_Base: Any = FSDPEngineWithLMHead


class Engine(_Base):
    """The part of verl that holds the trained weights."""

    silence: torch.Tensor | None = None
    """What is added to logits so that what sampling bans is banned. [vocabulary], made once."""

    def initialize(self) -> Any:
        made = super().initialize()
        self.voice = Run.here().recipe.reasoner.voice()
        return made

    def _build_module(self) -> Any:
        """verl has a setting to freeze the vision tower, but only its yaml knows it."""
        patches.of_family(self.model_config.hf_config.model_type)
        module = super()._build_module()
        exact_recurrence(module)
        if "vision" in Run.here().recipe.algorithm.freeze:
            eyes(module).requires_grad_(False)
        return module

    def prepare_model_inputs(self, micro_batch: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        inputs, args = super().prepare_model_inputs(micro_batch)
        self.pictures = _same_pictures(inputs)
        if self.pictures and get_non_tensor_data(micro_batch, "blind", False):  # the trainer's canary
            inputs["pixel_values"] = others(inputs["pixel_values"])
        seen = {name: inputs.pop(name) for name in PICTURES if name in inputs}
        return inputs | self.voice.arguments(inputs["input_ids"], inputs["position_ids"], seen), args

    def prepare_model_outputs(self, output: Any, output_args: Any, micro_batch: Any, logits_processor_func: Any) -> Any:
        output.logits = self._heard(output.logits)
        return super().prepare_model_outputs(output, output_args, micro_batch, logits_processor_func)

    def _heard(self, logits: torch.Tensor) -> torch.Tensor:
        """The logits that log-probs are made of: what sampling bans is banned here, too. No tensor is as large, so they
        are changed where they lie; the slopes of what is never said are 0 by themselves."""
        if self.silence is None:
            self.silence = unsaid(self.voice, logits.shape[-1]).to(logits) * NEVER
        return logits.add_(self.silence)

    def forward_step(self, micro_batch: Any, loss_function: Any, forward_only: bool) -> Any:
        loss, output = super().forward_step(micro_batch, loss_function, forward_only)
        if not forward_only:
            everywhere = self.pictures * self.get_data_parallel_size()  # verl takes the mean over data-parallel ranks
            output["metrics"]["pictures"] = Metric(aggregation="sum", value=everywhere)
        return loss, output

    # ---- weights -----------------------------------------------------------------------------------------------------

    def save_checkpoint(self, *args: Any, **settings: Any) -> None:
        with patches.exported_as(self._exported):
            super().save_checkpoint(*args, **settings)

    def _exported(self, gathered: Callable[[], Weights]) -> Weights:
        """What the next stage and an evaluation will load: whole weights, on the rank that writes them."""
        if not self._is_lora:
            return gathered()
        return {name: value.cpu() for name, value in self._merged_lora_per_tensor_param() if self.rank == 0}

    def _merged_lora_per_tensor_param(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Whole weights for the rollout. verl's forget adapters outside of wrapped layers, and round to bfloat16."""
        adapted = {
            f"{name}.base_layer.weight": module for name, module in self.module.named_modules() if _adapts(module)
        }
        weights = {name: (value, adapted.get(name)) for name, value in self.module.state_dict().items()}
        for name, (value, adapter) in convert_weight_keys(normalize_peft_param_name(weights), self.module).items():
            yield name, _whole(value) + (_delta(adapter) if adapter is not None else 0)
        if self._is_offload_param:
            offload_fsdp_model_to_cpu(self.module)


def others(pixels: torch.Tensor) -> torch.Tensor:
    """These patches in the opposite order; where they read the same both ways, as flat colours may, their negatives."""
    turned = pixels.flip(0)
    return -pixels if torch.equal(turned, pixels) else turned


def eyes(module: torch.nn.Module) -> torch.nn.Module:
    """The vision tower, as families name it."""
    found = next((part for name, part in module.named_modules() if name.rpartition(".")[2] in TOWERS), None)
    if found is None:
        raise TrainError(f"algorithm.freeze: {type(module).__name__} has no vision tower to freeze; set it to []")
    return found


def _adapts(module: torch.nn.Module) -> bool:
    return hasattr(module, "lora_A") and hasattr(module, "base_layer")


def _delta(adapter: Any) -> torch.Tensor:
    """What a low-rank adapter adds to its weight: scaling · B A."""
    [name] = adapter.active_adapters
    return adapter.scaling[name] * _whole(adapter.lora_B[name].weight) @ _whole(adapter.lora_A[name].weight)


def _whole(value: torch.Tensor) -> torch.Tensor:
    return value.full_tensor() if isinstance(value, DTensor) else value.detach()


def _same_pictures(inputs: dict[str, Any]) -> int:
    """How many pictures there are, once they are found to be those that were played with, in their order."""
    expected = inputs.pop("fingerprints", None)
    if expected is None:
        return 0
    found = fingerprints(inputs["pixel_values"], inputs["image_grid_thw"])
    if not torch.equal(found, expected):
        wrong = (
            "another number of them"
            if len(found) != len(expected)
            else f"picture {int((found != expected).int().argmax())}"
        )
        raise TrainError(f"the trainer was given other pictures than were played with: {wrong} of {len(expected)}")
    return len(expected)


if patches.on_cpu():
    patches.no_pinned_memory()
    patches.log_probs_at_once()
exact_attention()
quicken_towers()
