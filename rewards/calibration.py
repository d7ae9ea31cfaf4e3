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

The numbers are framework/calibration.py's, since the policy's loss needs them: a recipe says drawing.calibration.
"""

from framework.calibration import Calibration, log_likelihood

__all__ = ["Calibration", "log_likelihood"]
