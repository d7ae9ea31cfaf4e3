# pyright: standard
"""SAM 2's prompt encoder and mask decoder, with a [SEG] token's embedding as their only prompt.

    frame ─▶ image encoder, frozen ─▶ features of three sizes ─┐
    embedding ─▶ the one sparse prompt token ──────────────────┴▶ mask decoder ─▶ a mask, and its own guess of the IoU

Only prompt encoder and mask decoder learn. The image encoder is no part of the policy's weights: each process has its
own copy, read from `path`.
"""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, cast

from pydantic import Field

from framework.reasoners.decoder import Decoder
from framework.types import AnyMask, Video
from framework.vision.footage import Pixels
from framework.vision.propagator import Masks, Propagator
from framework.vision.sam2 import Weights, loaded, shown
from framework.vision.sam2_video import Sam2Video

if TYPE_CHECKING:
    import torch

    from framework.reasoners.decoder import Eyes, Features

FINEST = 4
"""The logits have so many cells along each side per cell of the coarsest features."""
ENCODERS_OWN = ("conv_s0", "conv_s1")
"""Parts of SAM 2's mask decoder that are at work while a frame is encoded; they stay as they are."""


class Sam2Decoder(Weights, Decoder):
    """SAM 2 through transformers."""

    held: int = Field(default=64, ge=1)
    """Frames whose features are kept; one of 1024² pixels has 16 MiB in float32."""

    @property
    def width(self) -> int:
        return int(self.config.prompt_encoder_config.hidden_size)

    @property
    def grid(self) -> tuple[int, int]:
        encoder = self.config.prompt_encoder_config
        side = FINEST * (encoder.image_size // encoder.patch_size)
        return side, side

    @cached_property
    def config(self) -> Any:
        import transformers

        return transformers.Sam2Config.from_pretrained(self.path)

    def make(self) -> Any:
        """Prompt encoder and mask decoder, as they were published, and the places of the features' cells."""
        from torch import nn

        net = _net(cast(Any, self))[0]
        parts = nn.ModuleDict({"prompt_encoder": net.prompt_encoder, "mask_decoder": net.mask_decoder})
        net.mask_decoder.dynamic_multimask_via_stability = False  # or learning and playing would draw otherwise
        for name in ENCODERS_OWN:
            getattr(net.mask_decoder, name).requires_grad_(False)
        _unwrapped(parts)
        parts.register_buffer("places", net.get_image_wide_positional_embeddings().detach().clone())
        _net.cache_clear()  # these weights will learn; whoever encodes reads them anew
        return parts

    def eyes(self, device: str) -> "Eyes":
        net, processor = _net(cast(Any, self.model_copy(update={"device": self.device or device})))

        def look(images: Sequence[Pixels]) -> "list[Features]":
            import torch

            with torch.inference_mode(False), torch.no_grad():
                levels = net.get_image_embeddings(shown(processor, images).to(net.device, net.dtype))
                return [tuple(level[row].clone() for level in levels) for row in range(len(images))]

        return look

    def draw(
        self, weights: Any, features: "Features", which: "torch.Tensor", embeddings: "torch.Tensor"
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        import torch

        logits, quality = [], []
        for some in torch.arange(len(which), device=which.device).split(self.spots_at_once):
            *fine, coarse = (level[which[some]].to(embeddings.dtype) for level in features)
            _, dense = weights["prompt_encoder"](None, None, None, None)
            low, score, _, _ = weights["mask_decoder"](
                image_embeddings=coarse,
                image_positional_embeddings=weights.places.to(coarse.dtype).expand(len(some), -1, -1, -1),
                sparse_prompt_embeddings=embeddings[some][:, None, None],
                dense_prompt_embeddings=dense.expand(len(some), -1, -1, -1),
                multimask_output=False,
                high_resolution_features=fine,
            )
            logits.append(low[:, 0, 0])
            quality.append(score[:, 0, 0])
        return torch.cat(logits), torch.cat(quality)

    def carry(
        self, weights: Any, embedding: "torch.Tensor", propagator: Propagator, video: Video, frame: int, mask: AnyMask
    ) -> dict[int, Masks]:
        if isinstance(propagator, Sam2Video):
            return propagator.carried(video, frame, mask, weights, embedding)
        return super().carry(weights, embedding, propagator, video, frame, mask)


def _unwrapped(parts: Any) -> None:
    """Embeddings as bare weights, which is how SAM 2 reads them: verl shards every embedding as a module of its own,
    whose weights are whole only while it is called, and nobody calls these."""
    from torch import nn

    for module in list(parts.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Embedding):
                bare = nn.Module()
                bare.weight = child.weight
                setattr(module, name, bare)


@lru_cache(maxsize=1)
def _net(settings: Sam2Decoder) -> tuple[Any, Any]:
    net, processor = loaded(settings, "Sam2Model", "Sam2Processor")
    return net.requires_grad_(True), processor
