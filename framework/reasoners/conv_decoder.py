"""A small decoder for the lab: a few convolutions over a frame, and the embedding as a kernel laid over them.

    frame ─▶ side × side, and where each pixel is ─▶ convolutions ─▶ maps [channels, side / 2, side / 2]
    embedding: a bias and a weight per map ─────────────────────────▶ logit of a cell = bias + weights · maps there

It learns together with the policy, from nothing.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from framework.reasoners.decoder import Decoder
from framework.vision.footage import Pixels
from framework.vision.frames import resized

if TYPE_CHECKING:
    import torch

    from framework.reasoners.decoder import Eyes, Features

REACH = (1, 2, 4)
"""Cells between those that a convolution looks at, layer by layer: the last looks 15 of them far."""
STANDS_OUT = 40
"""Of 255: colours that are so far apart, in red or green or blue, are two."""


class ConvDecoder(Decoder):
    """Convolutions, some thousand weights in all."""

    side: int = Field(default=64, ge=8, multiple_of=2)
    """Pixels along each side of a frame as it is looked at."""
    channels: int = Field(default=16, ge=1)
    colours: bool = True
    """Off: of a frame it sees what stands out from the ground and where that ends, but not in which colour. Then it
    is of no use to know what is asked: an embedding must say where it is, and for that a policy must have looked."""

    @property
    def width(self) -> int:
        return self.channels + 1

    @property
    def grid(self) -> tuple[int, int]:
        return self.side // 2, self.side // 2

    def make(self) -> Any:
        from torch import nn

        seen = 3 if self.colours else 2
        layers: list[nn.Module] = [nn.Conv2d(seen + 2, self.channels, 4, stride=2, padding=1)]
        for reach in REACH:
            layers += [nn.ReLU(), nn.Conv2d(self.channels, self.channels, 3, padding=reach, dilation=reach)]
        return nn.Sequential(*layers)

    def eyes(self, device: str) -> "Eyes":
        def look(images: Sequence[Pixels]) -> "list[Features]":
            import torch

            small = [resized(image, (self.side, self.side)) for image in images]
            small = small if self.colours else [outlined(each) for each in small]
            return [(torch.from_numpy(np.ascontiguousarray(each.transpose(2, 0, 1))).to(device),) for each in small]

        return look

    def draw(
        self, weights: Any, features: "Features", which: "torch.Tensor", embeddings: "torch.Tensor"
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        import torch

        [seen] = features
        along = torch.linspace(-1, 1, self.side, device=seen.device, dtype=embeddings.dtype)
        places = torch.stack(torch.meshgrid(along, along, indexing="ij")).expand(len(seen), -1, -1, -1)
        maps = weights(torch.cat([seen.to(embeddings.dtype) / 127.5 - 1, places], 1))
        order = which.argsort()  # frame by frame, so that the maps of a frame are not copied for each kernel
        counts = which.bincount(minlength=len(maps)).tolist()
        each = zip(maps.flatten(2), embeddings[order].split(counts), strict=True)
        laid = torch.cat([torch.addmm(kernels[:, :1], kernels[:, 1:], there) for there, kernels in each])
        logits = laid[order.argsort()].unflatten(1, self.grid)
        return logits, logits.abs().sigmoid().flatten(1).mean(1)


def outlined(image: Pixels) -> Pixels:
    """[h, w, 2] of a picture whose ground has one colour: 255 where it is not ground, and where a colour ends."""
    coarse = (image >> 5) @ np.array([64, 8, 1])
    ground = np.median(image[coarse == np.bincount(coarse.ravel()).argmax()], axis=0)
    off = (abs(image - ground) > STANDS_OUT).any(-1)
    fine = image.astype(np.int16)
    right, below = (abs(np.diff(fine, axis=axis, append=fine.take([-1], axis))) > STANDS_OUT for axis in (1, 0))
    return np.stack([off, (right | below).any(-1)], -1) * np.uint8(255)
