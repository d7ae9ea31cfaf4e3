"""Where a reply thinks, in its text, and how much: <think> here </think>."""

import math

from framework.budget import CHARACTERS
from framework.types import Action

OPENS, CLOSES = "<think>", "</think>"


def thought(text: str) -> slice:
    """The characters from the first <think> to the last </think>; empty if there is neither.

    Nothing that is thought can hide: what is never closed goes on to the end, and what is never opened began before the
    first character, as it does where a template writes the opening tag.

    >>> "<think>two, not one</think><answer>2</answer>"[thought("<think>two, not one</think><answer>2</answer>")]
    'two, not one'
    """
    opens, closes = text.find(OPENS), text.find(CLOSES)
    if opens < 0 and closes < 0:
        return slice(0, 0)
    opened = opens >= 0 and not 0 <= closes < opens
    closed = text.rfind(CLOSES) > text.rfind(OPENS)
    return slice(opens + len(OPENS) if opened else 0, text.rfind(CLOSES) if closed else len(text))


def thought_tokens(said: Action) -> int:
    """As the model counted them; where nobody did, by estimate."""
    if said.thought is not None:
        return said.thought
    within = thought(said.text)
    return math.ceil((within.stop - within.start) / CHARACTERS)
