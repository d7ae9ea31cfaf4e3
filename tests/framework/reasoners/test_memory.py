"""What is remembered is what transformers' own cache remembers, and is not copied for every token."""

from typing import Any
from weakref import ref

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import Qwen3Config
from transformers.cache_utils import DynamicCache

from framework.reasoners.memory import AHEAD, memory

CONFIG = Qwen3Config(num_hidden_layers=1)


def said(rows: int, length: int, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    keys, values = torch.randn(2, rows, 2, length, 4).to(dtype)
    return keys, values


@given(st.lists(st.integers(1, 2 * AHEAD), min_size=1, max_size=6), st.integers(0, 5), st.integers(1, 4))
def test_it_remembers_what_was_said_in_order(lengths: list[int], reordered: int, rows: int) -> None:
    ours, theirs = memory(CONFIG), DynamicCache(config=CONFIG)
    for number, length in enumerate(lengths):
        new = said(rows, length)
        for found, known in zip(ours.update(*new, 0), theirs.update(*new, 0), strict=True):
            assert torch.equal(found.float(), known)
        if number == reordered:
            order: Any = torch.arange(rows).flip(0).repeat(2)
            ours.reorder_cache(order)
            theirs.reorder_cache(order)
            rows *= 2
        assert ours.get_seq_length() == theirs.get_seq_length()


def test_what_nobody_asks_any_more_is_let_go_of_at_once() -> None:
    cache = memory(CONFIG)
    cache.update(*said(1, 3), 0)
    layer = ref(cache.layers[0])
    del cache
    assert layer() is None


def test_nothing_is_copied_as_long_as_there_is_room() -> None:
    cache = memory(CONFIG)
    begin = cache.update(*said(3, 10), 0)[0].data_ptr()
    for _ in range(AHEAD):
        assert cache.update(*said(3, 1), 0)[0].data_ptr() == begin
    assert cache.update(*said(3, 1), 0)[0].data_ptr() != begin


@pytest.mark.parametrize(("dtype", "kept"), [(torch.float32, torch.float64), (torch.bfloat16, torch.bfloat16)])
def test_only_what_is_summed_in_64_bits_is_kept_so(dtype: torch.dtype, kept: torch.dtype) -> None:
    assert memory(CONFIG).update(*said(1, 2, dtype), 0)[0].dtype == kept
