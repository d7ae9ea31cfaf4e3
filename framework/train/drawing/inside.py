"""A pen inside a policy's module: how it is put there, when it is called, and which weights are its own.

module.forward(ids, …) ─▶ as it was ─▶ logits          weights   model.…, lm_head.…     the policy's
          └─ what its head was given: hidden ─▶ draw             pen.projection.0.…     the pen's
"""

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any

import torch

from framework.train.drawing.sketch import Sketch

NAME = "pen"
"""Of the pen in the module."""


def put(module: Any, weights: Any, draw: Callable[[Any, torch.Tensor], Sketch]) -> None:
    """From now on a forward pass of this module also draws, with these weights, from its last layer's hidden states."""
    module.add_module(NAME, weights)
    speak, heard = module.forward, dict[str, torch.Tensor]()
    module.get_output_embeddings().register_forward_pre_hook(lambda _, args: heard.update(hidden=args[0]))

    @wraps(speak)
    def forward(*args: Any, **named: Any) -> Any:
        said = speak(*args, **named)
        sketch = draw(module.get_submodule(NAME), heard.pop("hidden"))
        said["drawn"] = sketch.tensors  # FSDP looks for what needs a gradient among what is returned
        return said

    module.forward = forward


def is_pens(name: str) -> bool:
    """Is this weight the pen's? Adapters may have put other names before its own."""
    return f".{NAME}." in f".{name}"


def own(weights: Iterable[tuple[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The pen's weights, by the names that it gives them."""
    return {f".{name}".partition(f".{NAME}.")[2]: value for name, value in weights if is_pens(name)}


def others(weights: Iterable[tuple[str, torch.Tensor]]) -> Iterator[tuple[str, torch.Tensor]]:
    """All but the pen's."""
    return ((name, value) for name, value in weights if not is_pens(name))
