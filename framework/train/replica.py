"""The `transformers` rollout backend as verl sees it: what starts a server, and what sends it the trainer's weights.

trainer ─▶ WeightSync ─▶ Server.take_weights
            (buckets in Ray's object store)
"""

import os
from collections.abc import AsyncIterator
from typing import Any

import ray
import torch
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from verl.workers.rollout.base import BaseRollout
from verl.workers.rollout.replica import RolloutReplica
from verl.workers.rollout.utils import ensure_async_iterator

from framework.errors import ConfigError
from framework.train.server import begun, server_name


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
        visible = await beside.__ray_call__.remote(lambda _: os.environ.get("CUDA_VISIBLE_DEVICES", ""))
        name = server_name(self.replica_rank) + self.name_suffix
        options = {
            "max_concurrency": self.max_concurrency,
            "scheduling_strategy": NodeAffinitySchedulingStrategy(node_id=node, soft=False),
        }
        server = begun(name, self.replica_rank, self.config, visible, **options)
        self.servers: list[Any] = [server]
        await server.ready.remote()
        self._server_handle, self._server_address = server, name


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
    """Named tensors, some at a time: only Ray's store holds a second copy of the whole model."""
    bucket: dict[str, torch.Tensor] = {}
    async for name, value in weights:
        bucket[name] = value.detach().cpu()
        if sum(each.nbytes for each in bucket.values()) >= limit:
            yield bucket
            bucket = {}
    if bucket:
        yield bucket
