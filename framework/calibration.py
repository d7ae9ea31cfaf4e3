"""SEG-aware calibration (VideoSEG-O3): what a turn's [SEG] token is worth to the mask that is drawn from it.

A reply's text is sampled, and its [SEG] token with it; the mask is not sampled but decoded from that token's hidden
state. So the token's log-probability says nothing about the mask, and a policy gradient does not reach it. Calibration
adds to the log-probability of that one token how likely the mask it drew is under the logits that it draws now:

    ℓ = mean over the cells of a grid of  b · log σ(m) + (1 − b) · log(1 − σ(m))  =  mean of  b · m − softplus(m)  ≤ 0
        b    cell of the mask as drawn when the reply was sampled, 1 above the threshold: a constant
        m    the same cell of the logits in the training forward: carries the gradient
    log π′(token) = log π(token) + weight · ℓ      where the token is a sampled [SEG]; all others as they are

    reply        T0  T1  [SEG]  T2        ids[0] = 17, 4, 9, 5
    log π        -.2 -.1  -.3  -.4        positions = (ids == 9).nonzero() = [[0, 2]]
    log π′       -.2 -.1  -.3+wℓ -.4

It comes after what reads the log-probabilities as they are (KL, entropy), before the ratio. The ratio of one update a
rollout is exp(log π′ − stop-gradient(log π′)) = 1 whatever the weight, so only the gradient changes:
A · (∇ log π + weight · ∇ℓ). With A > 0 the mask it drew becomes surer, with A < 0 it is left; no ground truth enters
but through A. With several updates a rollout the old log-probabilities must be calibrated alike, by the logits of then.

Published code (trainer_videorl_cot.py of Dmmm1997/VideoSEG-O3 at d9681d9): weight 1, grid 32, keyframe masks alone, and
b = 1 above a *logit* of 0.5 (σ > 0.62), though everything else takes a pixel for target above 0: what lies in (0, 0.5]
is target for the reward and background here. The threshold here is 0; `threshold: 0.5` gives theirs back.

A recipe says it as drawing.calibration.
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
