"""A CPU platform for verl, and the check that a process really runs on the platform its recipe names.

verl imports it at the end of `import verl` in every Ray process (VERL_USE_EXTERNAL_MODULES), so it stays light.
"""

import os
import resource
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from verl.plugin.platform import PlatformBase, PlatformRegistry, get_platform

from framework.errors import UserError
from framework.train import patches


def _nothing(*_: Any, **__: Any) -> None:
    pass


def _resident(*_: Any) -> int:
    """Peak memory of this process in bytes: what verl reports as device memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class _Torch(types.ModuleType):
    """torch.cpu with those functions of torch.cuda that verl calls without asking whether they are there."""

    empty_cache = ipc_collect = synchronize = set_device = staticmethod(_nothing)
    reset_peak_memory_stats = reset_accumulated_memory_stats = staticmethod(_nothing)
    set_per_process_memory_fraction = staticmethod(_nothing)
    max_memory_allocated = max_memory_reserved = memory_allocated = memory_reserved = staticmethod(_resident)
    get_rng_state, set_rng_state = staticmethod(torch.get_rng_state), staticmethod(torch.set_rng_state)
    manual_seed = manual_seed_all = staticmethod(torch.manual_seed)

    def __getattr__(self, name: str) -> Any:
        return getattr(torch.cpu, name)

    @staticmethod
    def is_available() -> bool:
        return False  # or verl keeps books of device memory

    @staticmethod
    def device_count() -> int:
        return 1

    @staticmethod
    def get_device_name(*_: Any) -> str:
        return "CPU"

    @staticmethod
    def mem_get_info(*_: Any) -> tuple[int, int]:
        return 0, 0


@PlatformRegistry.register(platform="cpu")
class Cpu(PlatformBase):
    """Two cores are a cluster of one device."""

    device_name: Any = "cpu"
    vendor_name: Any = "cpu"
    device_module: Any = _Torch("limner_torch_cpu")

    def is_available(self) -> bool:
        return True

    def is_platform_available(self, use_smi_check: bool = False) -> bool:
        return False  # never detected, only chosen

    def current_device(self) -> Any:
        return torch.device("cpu")  # an index would mean a CUDA device in tensor.to(…)

    def device_count(self) -> int:
        return 1

    def set_device(self, device_index: int) -> None:
        pass

    def synchronize(self, device_index: int | None = None) -> None:
        pass

    def manual_seed(self, seed: int) -> None:
        torch.manual_seed(seed)

    manual_seed_all = manual_seed

    def set_allocator_settings(self, settings: str) -> None:
        pass

    def empty_cache(self) -> None:
        pass

    def get_device_capability(self, device_index: int = 0) -> tuple[int | None, int | None]:
        return None, None

    def communication_backend_name(self) -> str:
        return "gloo"

    def visible_devices_envvar(self) -> str:
        return "CUDA_VISIBLE_DEVICES"

    @contextmanager
    def nvtx_range(self, msg: str) -> Iterator[None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        yield

    def profiler_start(self) -> None:
        pass

    profiler_stop = profiler_start

    def ray_resource_name(self) -> str:
        return "GPU"  # verl places workers on these; on this platform they are slots that Ray is told it has

    def ray_noset_envvars(self) -> list[str]:
        return []

    def is_ipc_supported(self) -> bool:
        return False  # weights then travel through shared memory

    def cudart(self) -> None:
        return None


def assert_platform(name: str) -> None:
    """verl passes over a platform it cannot load without a word; this does not."""
    if (found := get_platform().device_name) != name:
        raise UserError(
            f"cluster.platform: verl runs on {found!r}, not {name!r}; start it with `limner train`, "
            f"which sets VERL_PLATFORM, or set cluster.platform={found}"
        )


if os.environ.get("VERL_PLATFORM", "").lower() == "cpu":
    # verl registers its FSDP engines for CUDA only, though they ask the platform for everything that differs.
    os.environ.setdefault("VERL_ENGINE_DEVICE", "cuda")
patches.everywhere()
