"""Attention that does not feel what else is in a batch, for models on a CPU.

    token by token, padded on the left (rollout)  ─┐  sums of 32 bits round by their order, and that by the padding;
    whole episodes, padded otherwise (trainer)    ─┴▶ sums of 64 bits, rounded once, come to the same number

So rollout and trainer agree to the last bit about a token that the same weights said, and layers that attend linearly
to rounding. Where gradients are asked for, and on accelerators, nothing changes.
"""

from collections.abc import Callable
from functools import cache, wraps
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


def exact_recurrence(model: Any) -> None:
    """The same for this model's layers that attend linearly, as Qwen3.5's do."""
    for layer in model.modules():
        for name in ("chunk_gated_delta_rule", "recurrent_gated_delta_rule"):
            if hasattr(layer, name):
                setattr(layer, name, _exactly(getattr(layer, name)))


def _exactly(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def attend(query: "torch.Tensor", key: "torch.Tensor", value: "torch.Tensor", **rest: Any) -> Any:
        import torch

        if torch.is_grad_enabled() or query.device.type != "cpu" or query.dtype != torch.float32:
            return original(query, key, value, **rest)
        given = (query, key, value, rest["g"], rest["beta"])
        asked, named, told, fading, share = (each.double().transpose(1, 2) for each in given)
        heard, state = delta_rule(asked, named, told, fading, share, rest["initial_state"])
        return heard.transpose(1, 2).float(), state if rest["output_final_state"] else None

    return attend


def delta_rule(
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    fading: "torch.Tensor",
    share: "torch.Tensor",
    state: "torch.Tensor | None",
) -> tuple["torch.Tensor", "torch.Tensor"]:
    """What tokens hear of a state that each of them changes, all at once.

    The state fades, then a token brings it nearer to saying `value` to its `key`:

        S ← e^fading · S        S ← S + key · new        new = share · (value − key · S)        heard = query · S

    Each `new` depends on those before it, which is a triangular system. All [rows, heads, tokens, …].
    """
    import torch

    query, key = (each * (each.square().sum(-1, keepdim=True) + 1e-6).rsqrt() for each in (query, key))
    query = query * query.shape[-1] ** -0.5
    since = fading.cumsum(-1)
    left = (since[..., :, None] - since[..., None, :]).tril().exp().tril()
    kept = since.exp()[..., None]
    state = key.new_zeros(*key.shape[:2], key.shape[-1], value.shape[-1]) if state is None else state.to(key)
    known = kept * (key @ state)
    on_later = share[..., None] * left * (key @ key.mT)
    new = torch.linalg.solve_triangular(on_later, share[..., None] * (value - known), upper=False, unitriangular=True)
    heard = kept * (query @ state) + (left * (query @ key.mT)) @ new
    return heard, kept[..., -1:, :] * state + (left[..., -1, :, None] * key).mT @ new
