"""What a drawn mask is worth to the token it was drawn from; `rewards/calibration.py` tells why, with an example.

logits now [n, H, W]  ─┐ each to a grid      b · m − softplus(m), mean over the cells  ─▶  ℓ [n] ≤ 0
logits then [n, h, w] ─┘ then > threshold: b                    log π′ = log π + weight · ℓ
"""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from framework.config import Settings

if TYPE_CHECKING:
    from torch import Tensor


class Calibration(Settings):
    """Does a [SEG] token's log-probability speak of its mask? Off at weight 0."""

    weight: float = Field(default=0.0, ge=0)
    """How much ℓ counts; published 1."""
    grid: int = Field(default=32, ge=1)
    """Masks are compared on so many cells a side."""
    threshold: float = 0.0
    """The logit above which a cell of what was drawn is target; published 0.5."""
    where: Literal["log_prob", "logit"] = "log_prob"
    """Add weight · ℓ to the token's log-probability, as published; or weight · (how good the decoder takes its mask to
    be) to the token's logit, before the softmax."""

    @property
    def on(self) -> bool:
        return self.weight > 0


def log_likelihood(logits: "Tensor", drawn: "Tensor", grid: int = 32, threshold: float = 0.0) -> "Tensor":
    """ℓ [n] of what was drawn, logits [n, h, w] of then, under the logits [n, H, W] of now; both go to the grid."""
    return of_cells(logits, cells(drawn, grid, threshold))


def cells(drawn: "Tensor", grid: int, threshold: float) -> "Tensor":
    """What was drawn, as cells [n, grid, grid] of a grid, bool: all that must be kept of it."""
    return resized(drawn.detach(), grid) > threshold


def of_cells(logits: "Tensor", target: "Tensor") -> "Tensor":
    """ℓ [n] of these cells under the logits of now."""
    from torch.nn.functional import softplus

    now = resized(logits, target.shape[-1])
    return (target.to(now.dtype) * now - softplus(now)).flatten(1).mean(1)


def uncalibrated(log_probs: "Tensor", worth: "Tensor") -> "Tensor":
    """Log-probabilities as they would be, had `worth` not been added to each token's logit.

    Only that logit was another, so of the others nothing need be known: p = p′ / (p′ + (1 − p′) e^worth).
    """
    import torch

    others = torch.log(-torch.expm1(log_probs.clamp(max=-1e-12))) + worth
    return torch.where(worth == 0, log_probs, log_probs - torch.logaddexp(log_probs, others))


def resized(masks: "Tensor", grid: int) -> "Tensor":
    """[n, grid, grid], bilinearly, edges at the edges of pixels; in float32 or finer."""
    import torch
    from torch.nn.functional import interpolate

    fine = masks.to(torch.promote_types(masks.dtype, torch.float32))
    return interpolate(fine[:, None], (grid, grid), mode="bilinear", align_corners=False)[:, 0]
