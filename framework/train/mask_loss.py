"""How far drawn masks are from what is true: cross-entropy of the pixels, and Dice, each at the truth's own size.

logits [n, h, w] ─▶ bilinearly to each truth's size ─▶ BCE, mean over pixels  +  1 − (2 Σ p g + 1) / (Σ p + Σ g + 1)
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate

from framework.types import AnyMask
from framework.vision import masks


def mask_losses(logits: torch.Tensor, truths: Sequence[AnyMask]) -> torch.Tensor:
    """BCE + Dice of each mask [n], in float32 or finer."""
    fine = logits.to(torch.promote_types(logits.dtype, torch.float32))
    alike: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for place, truth in enumerate(truths):
        alike[truth.height, truth.width].append(place)
    found, order = list[torch.Tensor](), list[int]()
    for size, places in alike.items():
        dense = torch.from_numpy(np.stack([masks.decode(truths[place]) for place in places]))
        seen = interpolate(fine[places][:, None], size, mode="bilinear", align_corners=False)[:, 0]
        found.append(_of_one_size(seen.flatten(1), dense.to(fine.device, fine.dtype).flatten(1)))
        order += places
    if not found:
        return fine.new_zeros(0)
    return torch.cat(found)[torch.tensor(order, device=fine.device).argsort()]


def _of_one_size(logits: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    crossed = binary_cross_entropy_with_logits(logits, true, reduction="none").mean(1)
    sure = logits.sigmoid()
    return crossed + 1 - (2 * (sure * true).sum(1) + 1) / (sure.sum(1) + true.sum(1) + 1)
