"""Spares a vision tower what transformers does once per picture, though pictures of one size could share it.

    grids [pictures, 3] ─▶ places and interpolation weights of each size, once    ─▶ the same tensors, to the bit
    pictures of one size ─▶ one attention over all of them, not one for each       ─▶ the same numbers, to rounding

That is for many small pictures, where the work lies in the calls.
"""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    import torch

SIZES = 1024
"""That many are remembered."""


@cache
def quicken_towers() -> None:
    """For every Qwen tower of this process, now and later."""
    from importlib import import_module

    older, newer = (
        cast(Any, import_module(f"transformers.models.{family}.modeling_{family}"))
        for family in ("qwen2_5_vl", "qwen3_vl")
    )
    for tower, attention in ((older, older.Qwen2_5_VLVisionAttention), (newer, newer.Qwen3VLVisionAttention)):
        tower.get_vision_position_ids = _by_size(tower.get_vision_position_ids, ("position_ids",), along=0)
        attention.forward = _together(attention.forward, tower.apply_rotary_pos_emb_vision)
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


def _together(original: Callable[..., Any], turned: Callable[..., Any]) -> Callable[..., Any]:
    """`original`, a forward pass of attention inside pictures, where it would go through them one by one."""

    def forward(
        self: Any,
        hidden_states: "torch.Tensor",
        cu_seqlens: "torch.Tensor",
        position_embeddings: Any = None,
        **rest: Any,
    ) -> "torch.Tensor":
        if self.config._attn_implementation != "sdpa":
            return original(self, hidden_states, cu_seqlens, position_embeddings=position_embeddings, **rest)
        query, key, value = self.qkv(hidden_states).unflatten(-1, (3, self.num_heads, -1)).unbind(-3)
        query, key = turned(query, key, *position_embeddings)
        heard = _attended(query, key, value, np.asarray(cu_seqlens.tolist()))
        return self.proj(heard.flatten(1))

    return forward


def _attended(query: "torch.Tensor", key: "torch.Tensor", value: "torch.Tensor", ends: Any) -> "torch.Tensor":
    """Attention inside each picture, of [tokens, heads, width]; those of picture p stand at ends[p] … ends[p + 1]."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    starts, lengths = ends[:-1], np.diff(ends)
    order, heard = list["torch.Tensor"](), list["torch.Tensor"]()
    for length in np.unique(lengths):
        rows = torch.from_numpy(starts[lengths == length][:, None] + np.arange(length)).to(query.device)
        asked, offered, told = (part[rows].transpose(1, 2) for part in (query, key, value))
        heard.append(scaled_dot_product_attention(asked, offered, told).transpose(1, 2).flatten(0, 1))
        order.append(rows.flatten())
    return torch.cat(heard)[torch.cat(order).argsort()]
