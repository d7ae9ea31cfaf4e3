"""Rows as verl would hand them to an engine whose policy draws, and that engine, without Ray."""

import asyncio
from collections.abc import Sequence
from typing import Any

import torch

from framework.policy import Scripted
from framework.recipe import Recipe
from framework.rollout import play
from framework.train.bench.easel import batch, row

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
    tasks = [recipe.data.train.task(number) for number in range(len(said))]
    played = [asyncio.run(play(task, recipe.env, Scripted(*lines))) for task, lines in zip(tasks, said, strict=True)]
    return [row(recipe, episode, number) for number, episode in enumerate(played)]


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
