"""Attention whose answer does not depend on how far a batch is padded."""

import torch
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from framework.reasoners.attention import exact_attention

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
