"""How far drawn masks are from what is true: cross-entropy of the pixels, and Dice, each at the truth's own size.

logits [n, h, w] ─▶ bilinearly to each truth's size ─▶ BCE, mean over pixels  +  1 − (2 Σ p g + 1) / (Σ p + Σ g + 1)
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.functional import interpolate, softplus

from framework.types import AnyMask
from framework.vision import masks


def mask_losses(logits: torch.Tensor, truths: Sequence[AnyMask]) -> torch.Tensor:
    """BCE + Dice of each mask [n], in float32 or finer."""
    fine = logits.to(torch.promote_types(logits.dtype, torch.float32))
    alike: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for place, truth in enumerate(truths):
        alike[truth.height, truth.width].append(place)
    found, order = list[torch.Tensor](), list[int]()
    for places in alike.values():
        true = _dense([truths[place] for place in places]).to(fine.device, fine.dtype)
        some = fine if len(places) == len(fine) else fine[places]
        with torch.autocast(fine.device.type, enabled=False):
            found.append(_Losses.apply(some, true))  # pyright: ignore[reportArgumentType]
        order += places
    if not found:
        return fine.new_zeros(0)
    return torch.cat(found)[torch.tensor(order, device=fine.device).argsort()]


def _dense(truths: Sequence[AnyMask]) -> torch.Tensor:
    """[n, height, width]. A group draws on the same frames, so many are the same."""
    each: dict[AnyMask, int] = {}
    which = [each.setdefault(truth, len(each)) for truth in truths]
    return torch.from_numpy(np.stack([masks.decode(truth) for truth in each])[which])


class _Losses(torch.autograd.Function):
    """Slopes are reckoned along with the losses, since nearly all of the work is the same and pixels are many."""

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
        down, across = (_bilinear(*sides, logits) for sides in zip(logits.shape[1:], true.shape[1:], strict=True))
        seen, g = (down @ logits @ across.mT).flatten(1), true.flatten(1)
        p, count = seen.sigmoid(), g.shape[1]
        shared, either = (p * g).sum(1), p.sum(1) + g.sum(1) + 1
        crossed = (softplus(seen).sum(1) - (seen * g).sum(1)) / count
        if ctx.needs_input_grad[0]:
            both = ((2 * shared + 1) / either**2)[:, None]
            slopes = torch.addcmul(both, g, (-2 / either)[:, None]).mul_(p).mul_(1 - p)
            slopes.add_(p, alpha=1 / count).sub_(g, alpha=1 / count)
            ctx.save_for_backward(down, across, slopes.view_as(true))
        return crossed + 1 - (2 * shared + 1) / either

    @staticmethod
    def backward(ctx: Any, *above: torch.Tensor) -> tuple[torch.Tensor, None]:
        down, across, slopes = ctx.saved_tensors
        return above[0][:, None, None] * (down.mT @ slopes @ across), None


def _bilinear(small: int, large: int, like: torch.Tensor) -> torch.Tensor:
    """Bilinear enlargement along one side, as a matrix [large, small]."""
    each = torch.eye(small, dtype=like.dtype, device=like.device)[None]
    return interpolate(each, large, mode="linear", align_corners=False)[0].mT
