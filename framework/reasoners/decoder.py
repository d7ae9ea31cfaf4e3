"""A mask decoder: what a frame looks like and what a token means, and from both the logits of a mask.

    frames      ─▶ features, once a frame and never with a gradient ─┐
    [SEG] ─▶ projection ─▶ embedding [n, width] ─────────────────────┴▶ draw ─▶ logits [n, height, width], quality [n]

A decoder is settings, like all that a recipe names. Its weights are a plain torch module, which the trainer owns: it
lies inside the policy, is sharded and saved with it.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import Field

from framework.config import Settings
from framework.types import AnyMask, Video
from framework.vision.footage import Pixels
from framework.vision.propagator import Masks, Propagator

if TYPE_CHECKING:
    import torch

    Features = tuple[torch.Tensor, ...]
    """Of one frame, from fine to coarse: [channels, height, width] each."""


class Eyes(Protocol):
    """What makes features of frames. It never learns, so it stands outside of the policy's weights."""

    def __call__(self, images: Sequence[Pixels]) -> "list[Features]": ...


class Decoder(Settings):
    """Base of the decoders; `framework/reasoners/decoders.py` lists them."""

    held: int = Field(default=256, ge=1)
    """Frames whose features are kept, the least lately used given up first."""
    spots_at_once: int = Field(default=64, ge=1)
    """Masks that are drawn together."""

    @property
    @abstractmethod
    def width(self) -> int:
        """Numbers of an embedding."""

    @property
    @abstractmethod
    def grid(self) -> tuple[int, int]:
        """Height and width of the logits."""

    @abstractmethod
    def make(self) -> Any:
        """Its weights, as a torch module, which may be random: whoever asks has set the seed."""

    @abstractmethod
    def eyes(self, device: str) -> Eyes:
        """What looks at frames."""

    @abstractmethod
    def draw(
        self, weights: Any, features: "Features", which: "torch.Tensor", embeddings: "torch.Tensor"
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        """Logits [n, height, width] and, for each, how good it is taken to be [n]; spot i lies on frame which[i]."""

    def carry(
        self, weights: Any, embedding: "torch.Tensor", propagator: Propagator, video: Video, frame: int, mask: AnyMask
    ) -> dict[int, Masks]:
        """The mask of a frame over the clip. Only a propagator of the decoder's own kind can read an embedding."""
        return propagator.propagate(video, frame, [mask])
