"""Attention whose answer does not depend on how far a batch is padded."""

from typing import Any

import torch
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.qwen3_5 import modeling_qwen3_5

from framework.reasoners.attention import exact_attention, exact_recurrence

exact_attention()


class Heads(torch.nn.Module):
    num_key_value_groups = 2
    is_causal = False


def apart(*, grad: bool) -> float:
    """The largest difference that padding on the left makes, over many lengths."""
    dice = torch.Generator().manual_seed(0)
    most = 0.0
    with torch.set_grad_enabled(grad):
        for length in range(20, 60):
            query, key, value = (torch.randn(1, heads, length + 13, 32, generator=dice) for heads in (4, 2, 2))
            seen = torch.arange(length + 13)[None, None, None] >= 13
            attend = ALL_ATTENTION_FUNCTIONS["sdpa"]
            padded, _ = attend(Heads(), query[:, :, 13:], key, value, seen.expand(1, 1, length, -1))
            alone, _ = attend(Heads(), query[:, :, 13:], key[:, :, 13:], value[:, :, 13:], None)
            most = max(most, float((padded - alone).abs().max()))
    return most


def test_padding_does_not_move_what_is_sampled_or_weighed():
    assert apart(grad=False) == 0


def test_plain_attention_feels_it_or_this_file_is_not_needed():
    assert apart(grad=True) > 0


class Linear(torch.nn.Module):
    """What a layer of Qwen3.5's that attends linearly asks."""

    def __init__(self) -> None:
        super().__init__()
        qwen: Any = modeling_qwen3_5
        self.chunk_gated_delta_rule = qwen.torch_chunk_gated_delta_rule
        self.recurrent_gated_delta_rule = qwen.torch_recurrent_gated_delta_rule


def heard(layer: Linear, tokens: int = 150) -> tuple[torch.Tensor, torch.Tensor]:
    """By tokens all at once, and by the last fifty one after the other; what they say and how it fades by lot."""
    dice = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, tokens, 3, 16, generator=dice) for _ in range(3))
    fading = -torch.rand(2, tokens, 3, generator=dice)
    share = torch.rand(2, tokens, 3, generator=dice)

    def ask(rule: Any, first: int, last: int, state: torch.Tensor | None) -> Any:
        part = (each[:, first:last] for each in (query, key, value))
        rest = {"g": fading[:, first:last], "beta": share[:, first:last], "use_qk_l2norm_in_kernel": True}
        return rule(*part, **rest, initial_state=state, output_final_state=True)

    with torch.inference_mode():
        whole, _ = ask(layer.chunk_gated_delta_rule, 0, tokens, None)
        begun, state = ask(layer.chunk_gated_delta_rule, 0, tokens - 50, None)
        parts = [begun]
        for token in range(tokens - 50, tokens):
            one, state = ask(layer.recurrent_gated_delta_rule, token, token + 1, state)
            parts.append(one)
    return whole, torch.cat(parts, 1)


def test_a_state_that_tokens_change_is_the_same_all_at_once_and_one_by_one_and_what_transformers_makes_of_it():
    theirs, ours = Linear(), Linear()
    exact_recurrence(ours)
    whole, by_one = heard(ours)
    assert float((whole - by_one).abs().max()) == 0
    assert torch.allclose(whole, heard(theirs)[0], atol=1e-5)


def test_plain_recurrence_is_not_the_same_one_by_one_or_exact_recurrence_is_not_needed():
    whole, by_one = heard(Linear())
    assert float((whole - by_one).abs().max()) > 0
