"""An episode as the trainer takes it: ids, mask, log-probs, positions, patches. It is made without verl and Ray.

ledger  P0 A0 I0 A1   ─▶ prompt P0 │ response A0 I0 A1, mask 1 0 1
images                ─▶ patches, grids, and a fingerprint of each picture
both                  ─▶ positions [4, tokens]: text, time, height, width
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from framework.reasoners.sampling import Pixels
from framework.reasoners.voice import Voice
from framework.tokens import Tokens
from framework.train.fingerprint import fingerprints


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What verl is handed about one episode."""

    prompt: list[int]
    response: list[int]
    mask: list[int]
    """1 on what the policy said."""
    log_probs: list[float]
    positions: torch.Tensor
    pictures: dict[str, torch.Tensor]
    """pixel_values, image_grid_thw and fingerprints; empty without pictures."""

    @classmethod
    def of(cls, tokens: Tokens, images: Sequence[Pixels], voice: Voice) -> "Sample":
        pictures: dict[str, torch.Tensor] = {}
        if images:
            pictures = voice.patches(images)
            pictures["fingerprints"] = fingerprints(pictures["pixel_values"], pictures["image_grid_thw"])
        places = voice.positions(tokens.ids, [block.image.grid for block in tokens.blocks])
        return cls(
            prompt=tokens.ids[: tokens.prompt].tolist(),
            response=tokens.ids[tokens.prompt :].tolist(),
            mask=tokens.mask[tokens.prompt :].tolist(),
            log_probs=tokens.log_probs[tokens.prompt :].tolist(),
            positions=torch.from_numpy(np.concatenate([np.arange(len(tokens.ids))[None], places])),
            pictures=pictures,
        )

    @classmethod
    def nothing(cls, token: int) -> "Sample":
        """Stands where an episode was lost, so that a batch keeps its size; its mask teaches nothing."""
        return cls([token], [token], [0], [0.0], torch.arange(2).expand(4, 2).clone(), {})
