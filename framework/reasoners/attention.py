"""Attention that does not feel what else is in a batch, for models on a CPU.

    token by token, padded on the left (rollout)  ─┐  sums of 32 bits round by their order, and that by the padding;
    whole episodes, padded otherwise (trainer)    ─┴▶ sums of 64 bits, rounded once, come to the same number

So rollout and trainer agree to the last bit about a token that the same weights said. Where gradients are asked for,
and on accelerators, nothing changes.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@cache
def exact_attention() -> None:
    """For every float32 model of this process, now and later."""
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    original: Any = ALL_ATTENTION_FUNCTIONS["sdpa"]

    def attend(
        module: Any,
        query: "torch.Tensor",
        key: "torch.Tensor",
        value: "torch.Tensor",
        attention_mask: "torch.Tensor | None",
        **rest: Any,
    ) -> tuple["torch.Tensor", None]:
        import torch

        if torch.is_grad_enabled() or query.device.type != "cpu" or query.dtype != torch.float32:
            return original(module, query, key, value, attention_mask, **rest)
        if attention_mask is not None and attention_mask.is_floating_point():
            attention_mask = attention_mask.double()
        exact = query.double(), key.double(), value.double()
        if query.shape[2] == 1:
            return _side_by_side(original, *exact, attention_mask, **rest).float(), None
        return original(module, *exact, attention_mask, **rest)[0].float(), None

    ALL_ATTENTION_FUNCTIONS.register("sdpa", attend)


def _side_by_side(
    attend: Any, query: "torch.Tensor", key: "torch.Tensor", value: "torch.Tensor", *mask: Any, **rest: Any
) -> "torch.Tensor":
    """Of one token: heads that share keys ask them together, where otherwise the keys would be copied for each.

    query [rows, heads, 1, width] as [rows, shared, heads / shared, width]      heard [rows, 1, heads, width]
    """
    rows, heads, _, width = query.shape
    together = query.reshape(rows, key.shape[1], -1, width)
    heard = attend(None, together, key, value, *mask, **rest | {"is_causal": False})[0]
    return heard.transpose(1, 2).reshape(rows, 1, heads, width)
