"""Where a reply thinks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.chat.thought import thought


@pytest.mark.parametrize(
    ("text", "thinks"),
    [
        ("<answer>2</answer>", ""),
        ("<think>two</think><answer>2</answer>", "two"),
        ("<think>two", "two"),
        ("two</think><answer>2</answer>", "two"),
        ("<think>two</think> and <think>three</think>", "two</think> and <think>three"),
        ("<think>two</think><answer>2</answer><think>more", "two</think><answer>2</answer><think>more"),
        ("two</think><think>three", "two</think><think>three"),
        ("<think></think>", ""),
    ],
)
def test_the_thought_of_a_reply(text: str, thinks: str):
    assert text[thought(text)] == thinks


@given(st.lists(st.sampled_from(["<think>", "</think>", "a", "<"])))
def test_a_thought_lies_within_the_reply(pieces: list[str]):
    text = "".join(pieces)
    within = thought(text)
    assert 0 <= within.start <= within.stop <= len(text)
