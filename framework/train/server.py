"""The model of the `transformers` rollout backend, in a process of its own; replica.py starts it and feeds it.

    agent loops ─▶ Server.answer ─▶ Batcher ─▶ Generator

It runs wherever torch runs and says of each token the log-prob it was drawn with. For speed there is verl's vllm. Its
process starts without verl, whose import takes seconds; only verl's own loops need it, when they ask.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import ray
import torch

from framework.errors import TrainError
from framework.reasoners.generator import Generator
from framework.reasoners.sampling import Batcher, Request, Sampled
from framework.recipe import Recipe
from framework.train.run import Run

if TYPE_CHECKING:
    from verl.workers.rollout.replica import TokenOutput

LARGEST = 64
"""Episodes that are continued in one batch."""
CALLS = 1000
"""Calls that a server may have at one time on a laptop: as many as verl allows there."""


class Server:
    """One model that answers. Its methods are what verl calls."""

    def __init__(self, dtype: str, device: str, seed: int, visible: str = "") -> None:
        """`visible` is the device of the trainer beside it, which it shares: Ray shows it all of them."""
        if visible:
            os.environ["CUDA_VISIBLE_DEVICES"] = visible
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))
        recipe = Run.here().recipe
        self.limits = recipe.rollout
        self.generator = Generator.load(recipe.reasoner, dtype, device, seed)
        self.ask = Batcher(self.generator.generate, largest=LARGEST)
        self.step: int | None = None

    async def ready(self) -> bool:
        return True

    async def generate(
        self,
        request_id: str,
        prompt_ids: Sequence[int],
        sampling_params: dict[str, Any],
        image_data: Any = None,
        **_: Any,
    ) -> "TokenOutput":
        from verl.workers.rollout.replica import TokenOutput

        asked = Request(
            ids=prompt_ids,
            images=[np.asarray(picture) for picture in image_data or ()],
            max_tokens=sampling_params.get("max_tokens", self._room(len(prompt_ids))),
            temperature=sampling_params.get("temperature", self.limits.temperature),
            top_p=sampling_params.get("top_p", self.limits.top_p),
            seed=sampling_params.get("seed"),
        )
        (said,) = await self.answer([asked])
        return TokenOutput(
            token_ids=list(said.ids),
            log_probs=list(said.log_probs),
            stop_reason="completed",
            extra_fields={"global_steps": said.step},
        )

    async def answer(self, requests: Sequence[Request]) -> list[Sampled]:
        """What our own agent loop calls: the requests of many episodes at once."""
        step = self.step  # a reply that an update overtakes counts as the older weights'
        return [replace(said, step=step) for said in await asyncio.gather(*map(self.ask, requests))]

    def _room(self, read: int) -> int:
        """What a reply may take where nobody says it, as verl's own loops do not."""
        left = self.limits.prompt_tokens + self.limits.episode_tokens - read
        return max(min(self.limits.reply_tokens, left), 1)

    async def take_weights(self, buckets: Sequence[Any], step: int | None) -> None:
        """Take these weights, all between the same two batches, and refuse if the model has others."""
        model = self.generator.model
        given = dict[str, torch.Tensor]()
        for promised in buckets:
            given |= await promised
        lacking = dict(model.named_parameters()).keys() - given  # a head tied to its embedding need not come twice
        if lacking:
            raise TrainError(f"weight sync: {len(lacking)} parameters never arrived, among them {min(lacking)!r}")
        await asyncio.get_running_loop().run_in_executor(self.ask.thread, _copy, given, model)
        self.step = step

    async def set_global_steps(self, step: int) -> None:
        self.step = step

    async def _nothing(self, *_: Any, **__: Any) -> None:
        """There is no cache to free and no engine to wake."""

    wake_up = sleep = clear_kv_cache = release_kv_cache = resume_kv_cache = _nothing
    abort_all_requests = resume_generation = start_profile = stop_profile = _nothing


@torch.no_grad()
def _copy(given: Mapping[str, torch.Tensor], model: Any) -> None:
    own = {**dict(model.named_buffers(remove_duplicate=False)), **dict(model.named_parameters(remove_duplicate=False))}
    for name, value in given.items():
        if name not in own:
            raise TrainError(f"weight sync: the rollout model has no parameter {name!r}")
        own[name].copy_(value)


def server_name(rank: int) -> str:
    return f"limner_server_{rank}"


def begun(name: str, rank: int, config: Any, visible: str = "", **options: Any) -> Any:
    """A server on its way; the one of this name, if there is one. `options` are Ray's."""
    device = Run.here().recipe.cluster.platform
    server: Any = ray.remote(Server).options(name=name, get_if_exists=True, num_cpus=0, **options)
    return server.remote(config.dtype, device, config.seed + rank, visible)


def early(recipe: Recipe, config: Any) -> list[Any]:
    """On one machine without accelerators nothing has to be known of the trainer: servers load beside it, not after it.

    They end when nobody holds what is handed back.
    """
    ranks = range(recipe.cluster.gpus_per_node if known_early(recipe) else 0)
    return [begun(server_name(rank), rank, config, max_concurrency=CALLS) for rank in ranks]


def known_early(recipe: Recipe) -> bool:
    """Are the names and places of servers known before there is a trainer?"""
    cluster = recipe.cluster
    return recipe.rollout.backend == "transformers" and cluster.platform == "cpu" and cluster.nodes == 1
