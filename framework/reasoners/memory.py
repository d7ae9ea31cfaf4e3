"""Keys and values of what was read and said, with room ahead: no token has them copied again.

read [rows, heads, 70, width] ─▶ ████████████████······ room ─▶ a token more ─▶ █████████████████·····
                                                                 handed out: the filled part, in 64 bits on a CPU
"""

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

ROOM = 64
"""Tokens for which there is room at first, and again whenever it is used up."""


class Memory(DynamicLayer):
    """One layer's. transformers' own makes all of it anew for each token."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[torch.Tensor] = []
        """Keys and values with the room behind them; empty where they must be laid out first."""

    def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self.get_seq_length()
        end = start + key_states.shape[-2]
        if not self.held or end > self.held[0].shape[-2]:
            known: Any = (self.keys, self.values) if start else (key_states[:, :, :0], value_states[:, :, :0])
            self.held = [_roomy(each, end + ROOM) for each in known]
        for held, new in zip(self.held, (key_states, value_states), strict=True):
            held[:, :, start:end] = new
        self.keys, self.values = (held[:, :, :end] for held in self.held)
        return self.keys, self.values

    def reorder_cache(self, beam_idx: Any) -> None:
        super().reorder_cache(beam_idx)
        self.held = []


def _roomy(known: torch.Tensor, length: int) -> torch.Tensor:
    """What is known, at the beginning of so much room. On a CPU attention sums in 64 bits (attention.py)."""
    exact = known.dtype == torch.float32 and known.device.type == "cpu"
    rows, heads, used, width = known.shape
    room = known.new_empty((rows, heads, length, width), dtype=torch.float64 if exact else known.dtype)
    room[:, :, :used] = known
    return room


def memory(config: Any) -> DynamicCache:
    """For a model of this config; layers that do not remember everything are transformers' own."""
    cache = DynamicCache(config=config)
    cache.layers = [Memory() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
