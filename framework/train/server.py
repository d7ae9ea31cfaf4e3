"""The `transformers` rollout backend: a model behind verl's server interface, and the weights that reach it.

    agent loops ─▶ Server.answer ─▶ Batcher ─▶ Generator         trainer ─▶ WeightSync ─▶ Server.take_weights
                   (a Ray actor)                                            (buckets in Ray's object store)

It runs wherever torch runs and says of each token the log-prob it was drawn with. For speed there is verl's vllm.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import ray
import torch
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from verl.workers.rollout.base import BaseRollout
from verl.workers.rollout.replica import RolloutReplica, TokenOutput
from verl.workers.rollout.utils import ensure_async_iterator

from framework.errors import ConfigError, TrainError
from framework.reasoners.generator import Generator
from framework.reasoners.sampling import Batcher, Request, Sampled
from framework.train.run import Run

LARGEST = 64
"""Episodes that are continued in one batch."""


class Server:
    """One model that answers. Its methods are what verl calls."""

    def __init__(self, dtype: str, device: str, seed: int, visible: str = "") -> None:
        """`visible` is the device of the trainer beside it, which it shares; from itself Ray hides them all."""
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
    ) -> TokenOutput:
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
        """Take these weights between two batches, and refuse if the model has others that are not among them."""
        model = self.generator.model
        lacking = {name for name, _ in model.named_parameters()}  # a head tied to its embedding need not come twice
        loop = asyncio.get_running_loop()
        for promised in buckets:
            bucket = await promised
            await loop.run_in_executor(self.ask.thread, _copy, bucket, model)
            lacking -= bucket.keys()
        if lacking:
            raise TrainError(f"weight sync: {len(lacking)} parameters never arrived, among them {min(lacking)!r}")
        self.step = step

    async def set_global_steps(self, step: int) -> None:
        self.step = step

    async def _nothing(self, *_: Any, **__: Any) -> None:
        """There is no cache to free and no engine to wake."""

    wake_up = sleep = clear_kv_cache = release_kv_cache = resume_kv_cache = _nothing
    abort_all_requests = resume_generation = start_profile = stop_profile = _nothing


@torch.no_grad()
def _copy(bucket: Mapping[str, torch.Tensor], model: Any) -> None:
    own = {**dict(model.named_buffers(remove_duplicate=False)), **dict(model.named_parameters(remove_duplicate=False))}
    for name, value in bucket.items():
        if name not in own:
            raise TrainError(f"weight sync: the rollout model has no parameter {name!r}")
        own[name].copy_(value)


class Replica(RolloutReplica):
    """Starts a server where verl wants one."""

    async def launch_servers(self) -> None:
        if self.world_size != 1:
            raise ConfigError(
                f"cluster.tensor_parallel: the transformers backend uses one device, not {self.world_size}; "
                "set it to 1 or rollout.backend=vllm"
            )
        beside: Any = self.workers[0]
        node = await beside.__ray_call__.remote(lambda _: ray.get_runtime_context().get_node_id())
        name = server_name(self.replica_rank) + self.name_suffix
        visible = await beside.__ray_call__.remote(lambda _: os.environ.get("CUDA_VISIBLE_DEVICES", ""))
        on_gpu = Run.here().recipe.cluster.platform == "cuda"
        server: Any = ray.remote(Server).options(
            name=name,
            num_cpus=0,
            max_concurrency=self.max_concurrency,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node_id=node, soft=False),
        )
        self.servers: list[Any] = [
            server.remote(self.config.dtype, "cuda" if on_gpu else "cpu", self.config.seed + self.replica_rank, visible)
        ]
        await self.servers[0].ready.remote()
        self._server_handle, self._server_address = self.servers[0], name


def server_name(rank: int) -> str:
    return f"limner_server_{rank}"


class WeightSync(BaseRollout):
    """Lives in the trainer's process and sends its weights to the server beside it."""

    def __init__(self, config: Any, model_config: Any, device_mesh: Any, replica_rank: int = -1) -> None:
        super().__init__(config, model_config, device_mesh)
        self.rank = int(os.environ["RANK"]) if replica_rank == -1 else replica_rank

    async def resume(self, tags: list[str]) -> None:
        pass

    async def release(self) -> None:
        pass

    @torch.no_grad()
    async def update_weights(
        self, weights: Any, wire_format: str = "named_tensors", global_steps: int | None = None, **_: Any
    ) -> None:
        if wire_format != "named_tensors":
            raise ConfigError(
                f"the transformers backend takes whole tensors, not {wire_format}; set rollout.backend=vllm"
            )
        limit = self.config.checkpoint_engine.update_weights_bucket_megabytes << 20
        sent = [ray.put(bucket) async for bucket in _buckets(ensure_async_iterator(weights), limit)]
        server: Any = ray.get_actor(server_name(self.rank))
        await server.take_weights.remote(sent, global_steps)


async def _buckets(
    weights: AsyncIterator[tuple[str, torch.Tensor]], limit: int
) -> AsyncIterator[dict[str, torch.Tensor]]:
    """Named tensors, some at a time, so that no second copy of the model is needed at once."""
    bucket: dict[str, torch.Tensor] = {}
    async for name, value in weights:
        bucket[name] = value.detach().cpu()
        if sum(each.nbytes for each in bucket.values()) >= limit:
            yield bucket
            bucket = {}
    if bucket:
        yield bucket
