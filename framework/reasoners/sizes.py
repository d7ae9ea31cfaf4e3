"""Spares a vision tower what transformers works out again for every picture, though only its size decides it.

    grids [pictures, 3] ─▶ places and interpolation weights of each size, once ─▶ the same tensors as before

Of many small pictures this is nearly half of the forward pass; not one bit of what comes out differs.
"""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import torch

SIZES = 1024
"""That many are remembered."""


@cache
def remember_sizes() -> None:
    """For every Qwen tower of this process, now and later."""
    from importlib import import_module

    older, newer = (
        cast(Any, import_module(f"transformers.models.{family}.modeling_{family}"))
        for family in ("qwen2_5_vl", "qwen3_vl")
    )
    for tower in (older, newer):
        tower.get_vision_position_ids = _by_size(tower.get_vision_position_ids, ("position_ids",), along=0)
    known = ("bilinear_indices", "bilinear_weights")
    weights = newer.get_vision_bilinear_indices_and_weights
    newer.get_vision_bilinear_indices_and_weights = _by_size(weights, known, along=1)


def _by_size(original: Callable[..., Any], known: Sequence[str], along: int) -> Callable[..., Any]:
    """`original`, asked once per size, its answers laid end to end. What a caller brings along, it uses."""
    import torch

    @lru_cache(SIZES)
    def of_one(grid: tuple[int, ...], device: Any, *settings: int, **named: int) -> Any:
        with torch.inference_mode(False):  # or a later backward could not use it
            return original(torch.tensor([grid], device=device), *settings, **named)

    def of_all(grids: "torch.Tensor", *settings: Any, kwargs: dict[str, Any] | None = None, **named: Any) -> Any:
        brought = kwargs is not None and any(kwargs.get(name) is not None for name in known)
        if brought or not all(isinstance(setting, int) for setting in (*settings, *named.values())):
            return original(grids, *settings, kwargs=kwargs, **named)
        each = [of_one(tuple(grid), grids.device, *settings, **named) for grid in grids.tolist()]
        if isinstance(each[0], tuple):
            return tuple(torch.cat(parts, along) for parts in zip(*each, strict=True))
        return torch.cat(each, along)

    return of_all
