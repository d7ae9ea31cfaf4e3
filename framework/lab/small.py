"""What a tiny copy of a family is made of: its own kinds of config, processor and template, and the lab's sizes.

family.small() ─▶ Small ─▶ framework/lab/reasoner.py builds it in seconds, offline
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from framework.lab.speech import TURNS
from framework.reasoners.lab import Lab
from framework.reasoners.template import Template

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

HEADS, HEAD_WIDTH = 4, 32
VISION_HEADS, VISION_PLACES = 2, 64
MERGE = 2
"""Patches along one side of a visual token."""
LONGEST = 8192
"""Tokens of an episode."""
SPREAD = 0.7
"""Standard deviation of random weights, times hidden ** -0.5: at Qwen's own 0.02 so narrow a model hardly learns."""

Make = Callable[[Lab, "PreTrainedTokenizerFast"], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Small:
    """A family, as far as its size does not matter."""

    template: Template
    jinja: str
    """The same template as the family's processor has it: it says what `template` must say."""
    config: Make
    processor: Make
    special: tuple[str, ...] = ()
    """Its special tokens in the order of their ids; empty takes the template's."""
    turns: tuple[str, ...] = TURNS
    """Words that stand after a token which begins a turn."""
    named: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tokens that its processor asks its tokenizer for: image_token …"""

    def names(self) -> Mapping[str, str]:
        """What the tokenizer calls its tokens."""
        return {"eos_token": self.template.ends()[0], "pad_token": self.template.pad, **self.named}


def language(lab: Lab, tokenizer: "PreTrainedTokenizerFast") -> dict[str, Any]:
    """Sizes that every language model has."""
    return {
        "initializer_range": SPREAD * lab.hidden**-0.5,
        "vocab_size": -(-len(tokenizer) // 64) * 64,
        "hidden_size": lab.hidden,
        "intermediate_size": 2 * lab.hidden,
        "num_hidden_layers": lab.layers,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS // 2,
        "max_position_embeddings": LONGEST,
        "bos_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def tower(lab: Lab) -> dict[str, Any]:
    """Sizes of a vision tower, as Qwen and those after it name them."""
    return {
        "initializer_range": SPREAD * lab.hidden**-0.5,
        "depth": lab.vision_layers,
        "hidden_size": lab.vision_hidden,
        "intermediate_size": 2 * lab.vision_hidden,
        "num_heads": VISION_HEADS,
        "patch_size": lab.unit // MERGE,
        "spatial_merge_size": MERGE,
        "temporal_patch_size": 1,
        "out_hidden_size": lab.hidden,
    }


def turning(width: int) -> dict[str, Any]:
    """Rotary positions in time, height and width, for heads of this width."""
    third = width // 6
    return {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [width // 2 - 2 * third, third, third]}


def seeing(lab: Lab) -> dict[str, Any]:
    """What an image processor is told, as Qwen's and those after it are."""
    return {
        "patch_size": lab.unit // MERGE,
        "merge_size": MERGE,
        "temporal_patch_size": 1,
        "size": {"shortest_edge": lab.unit**2, "longest_edge": LONGEST * lab.unit**2},
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }
