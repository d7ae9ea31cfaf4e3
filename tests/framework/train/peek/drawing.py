"""Rows as verl would hand them to an engine whose policy draws, and that engine, without Ray."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from tensordict import TensorDict
from verl.utils import tensordict_utils as tu
from verl.utils.config import omega_conf_to_dataclass
from verl.utils.tensordict_utils import list_of_dict_to_tensordict, nested_tensor_from_tensor_list
from verl.workers.utils.losses import ppo_loss

from framework import codec
from framework.drawing import sitting
from framework.policy import Scripted
from framework.recipe import Recipe
from framework.rollout import play
from framework.train.run import Run
from framework.train.sample import dictated
from framework.train.settings import verl_config

LOOK = '<select>{"start": 0, "end": 3, "keyframe": 2}</select>'
DONE = '<answer>{"keyframe": 1}</answer>'
SAID = (
    (f"{LOOK}</think>", f"{DONE}</think>"),
    (DONE,),
    (f"{LOOK}</think></think>", "</think>what", f"</think>{DONE}"),
    (f"</think>{DONE}</think>",),
)
"""One token a turn; none; several, among them in a reply that is no action; several in the only turn."""


def rows(recipe: Recipe, said: Sequence[Sequence[str]] = SAID) -> list[dict[str, Any]]:
    """An episode of each, as the trainer gets it."""
    assert recipe.drawing is not None
    count = recipe.drawing.frames
    voice, found = recipe.reasoner.voice(), list[dict[str, Any]]()
    for number, lines in enumerate(said):
        task = recipe.data.train.task(number)
        episode = asyncio.run(play(task, recipe.env, Scripted(*lines)))
        sample = asyncio.run(dictated(episode, recipe.env, voice, recipe.rollout))
        mask, ids = torch.tensor(sample.mask), torch.tensor(sample.prompt + sample.response)
        lots = torch.Generator().manual_seed(number)
        found.append(
            {
                "prompts": torch.tensor(sample.prompt),
                "responses": torch.tensor(sample.response),
                "response_mask": mask,
                "loss_mask": mask,
                "input_ids": ids,
                "position_ids": sample.positions,
                "multi_modal_inputs": dict(sample.pictures),
                "extra_fields": {"sitting": codec.write(sitting(episode, count))},
                "advantages": torch.full(mask.shape, float(torch.randn(1, generator=lots))) * mask,
                "ref_log_prob": -torch.rand(mask.shape, generator=lots),
            }
        )
    return found


def batch(some: Sequence[dict[str, Any]], **asked: Any) -> TensorDict:
    jagged = {name for name, value in some[0].items() if isinstance(value, torch.Tensor)}
    data = list_of_dict_to_tensordict([{name: row[name] for name in row if name not in jagged} for row in some])
    for name in jagged:
        each = [row[name] for row in some]
        wide = each[0].dim() > 1
        data[name] = (
            nested_tensor_from_tensor_list(each) if wide else torch.nested.as_nested_tensor(each, layout=torch.jagged)
        )
    usual = {
        "use_remove_padding": False, "use_dynamic_bsz": False, "micro_batch_size_per_gpu": 2, "temperature": 1.0,
        "calculate_entropy": False, "global_batch_size": len(some), "pad_token_id": 0,
    }  # fmt: skip
    tu.assign_non_tensor(data, **(usual | asked))
    return data


def inferred(engine: Any, some: Sequence[dict[str, Any]], **asked: Any) -> dict[str, list[torch.Tensor]]:
    """What a pass for old log-probs says of each row."""
    with engine.eval_mode():
        found = engine.infer_batch(batch(some, **asked))["model_output"]
    return {name: [each.clone() for each in value.unbind()] for name, value in found.items()}


def with_old(some: Sequence[dict[str, Any]], found: dict[str, list[torch.Tensor]]) -> list[dict[str, Any]]:
    """The rows, with what the trainer has put beside them before an update."""
    kept = []
    for number, row in enumerate(some):
        said = len(row["responses"])
        old = {"old_log_probs": found["log_probs"][number][-said - 1 : -1]}
        kept.append({**row, **old, **{name: found[name][number] for name in found if name.startswith("drawn")}})
    return kept


def policy_loss(run: Run) -> Any:
    config = verl_config(run.recipe, run.home).actor_rollout_ref
    return partial(ppo_loss, config=omega_conf_to_dataclass(config.actor))


def learned(
    engine: Any, loss: Any, some: Sequence[dict[str, Any]], **asked: Any
) -> tuple[float, dict[str, torch.Tensor], Any]:
    """Loss and gradients of one mini-batch; the weights stay."""
    with engine.train_mode():
        engine.optimizer_zero_grad()
        found = engine.forward_backward_batch(batch(some, **asked), loss)
        slopes = {
            name: (value.grad.full_tensor() if hasattr(value.grad, "full_tensor") else value.grad).clone()
            for name, value in engine.module.named_parameters()
            if value.grad is not None
        }
    return sum(found["loss"]), slopes, found["metrics"]
