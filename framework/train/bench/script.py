"""What both sides of the loop bench play: the same tasks, the same reply every turn, the same picture after it.

    overview ─▶ <think>…</think><select> 0–3, keyframe 1 ─▶ frame 1, large ─▶ the same words again ─▶ frame 1 … T turns

A reply that never answers makes every episode as long as it is asked to be.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from framework.recipe import Recipe, find_recipe
from framework.types import Observation, Picture, Select, Task
from framework.vision.boxes import Interval
from framework.vision.frames import pixels

RECIPE = Path(__file__).with_name("loop.yaml")
THOUGHT = "<think>" + " red circle appears left" * 5 + "</think>"
LOOK = Select(Interval(0, 3), 1)
LEAST = 64
"""Pixels of the smallest picture of loop.yaml. Others' processors would enlarge it if they were not told."""


def recipe(*changes: str) -> Recipe:
    return find_recipe(str(RECIPE), changes)


def reply(recipe: Recipe, task: Task) -> str:
    """What the policy says, every turn."""
    return THOUGHT + recipe.env.grammar.write(LOOK, recipe.env.place(task, ()))


def asked(system: str, seen: Observation) -> list[dict[str, Any]]:
    """The first messages of a conversation, as others' processors take them."""
    told: Sequence[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    return [*told, {"role": "user", "content": content(seen)}]


def content(seen: Observation) -> list[dict[str, Any]]:
    """An observation within a message."""
    return [
        {"type": "image", "image": image(part), "min_pixels": LEAST}
        if isinstance(part, Picture)
        else {"type": "text", "text": part}
        for part in seen.content
    ]


def image(picture: Picture) -> Any:
    """As a PIL image."""
    from PIL import Image

    return Image.fromarray(pixels(picture))
