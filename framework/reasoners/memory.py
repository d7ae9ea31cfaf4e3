"""Keys and values of what was read and said, with room ahead: no token has them copied again.

read [rows, heads, 70, width] ─▶ ████████████████······ room ─▶ a token more ─▶ █████████████████·····
                                                                 handed out: the filled part, in 64 bits on a CPU
"""

from typing import TYPE_CHECKING, Any
from weakref import proxy

if TYPE_CHECKING:
    import torch

AHEAD = 64
"""Tokens for which there is room at first, and again whenever it is used up."""


def memory(config: Any) -> Any:
    """A cache for a model of this config; layers that do not remember everything are left to transformers."""
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    cache = DynamicCache(config=config)
    for layer in cache.layers:
        if type(layer) is DynamicLayer:
            # Its own makes all of it anew for each token. It must not be kept by what it keeps: a GPU would hold what
            # an earlier batch remembers until Python looks for such circles.
            vars(layer)["update"] = Room(proxy(layer)).add
    return cache


class Room:
    """Behind the keys and values of one layer."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        self.held: list[torch.Tensor] = []
        """Keys and values with what is free behind them."""
        self.given: torch.Tensor | None = None
        """The keys that were handed out last; where the layer has others, its rows were put in another order."""

    def add(self, keys: "torch.Tensor", values: "torch.Tensor", *_: Any, **__: Any) -> "tuple[torch.Tensor, ...]":
        """Remember these, and hand out all there are."""
        layer = self.layer
        if not layer.is_initialized:
            layer.lazy_initialization(keys, values)
        start = layer.get_seq_length()
        end = start + keys.shape[-2]
        if layer.keys is not self.given or end > self.held[0].shape[-2]:
            known = (layer.keys, layer.values) if start else (keys[:, :, :0], values[:, :, :0])
            self.held = [_roomy(each, end + AHEAD) for each in known]
        for held, new in zip(self.held, (keys, values), strict=True):
            held[:, :, start:end] = new
        layer.keys, layer.values = (held[:, :, :end] for held in self.held)
        self.given = layer.keys
        return layer.keys, layer.values


def _roomy(known: "torch.Tensor", length: int) -> "torch.Tensor":
    """What is known, at the beginning of so much room. On a CPU attention sums in 64 bits (attention.py)."""
    import torch

    exact = known.dtype == torch.float32 and known.device.type == "cpu"
    rows, heads, used, width = known.shape
    room = known.new_empty((rows, heads, length, width), dtype=torch.float64 if exact else known.dtype)
    room[:, :, :used] = known
    return room
