import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy, interpolate

from framework.train.drawing.mask_loss import mask_losses
from framework.vision import masks

LOTS = np.random.default_rng(0)


def drawn(count: int, side: int = 6) -> torch.Tensor:
    return torch.from_numpy(LOTS.normal(size=(count, side, side)))


def test_it_is_cross_entropy_and_dice_at_the_truths_own_size():
    logits = drawn(3)
    true = [LOTS.random(size) < 0.4 for size in ((12, 18), (5, 7), (12, 18))]
    found = mask_losses(logits, [masks.encode(each) for each in true])
    for loss, logit, each in zip(found, logits, true, strict=True):
        p = interpolate(logit[None, None], each.shape, mode="bilinear")[0, 0].sigmoid()
        g = torch.from_numpy(each).double()
        dice = 1 - (2 * (p * g).sum() + 1) / (p.sum() + g.sum() + 1)
        assert float(loss) == pytest.approx(float(binary_cross_entropy(p, g) + dice))


def test_a_perfect_mask_costs_nothing_and_an_empty_truth_can_be_perfect():
    square = np.zeros((4, 4), bool)
    square[1:3, 1:3] = True
    logits = torch.stack([torch.where(torch.from_numpy(each), 30.0, -30.0) for each in (square, square & False)])
    assert mask_losses(logits, [masks.encode(square), masks.pack(square & False)]).tolist() == pytest.approx(
        [0, 0], abs=1e-6
    )


def test_its_gradient_is_that_of_finite_differences():
    true = [masks.encode(LOTS.random((9, 5)) < 0.5) for _ in range(2)]
    assert torch.autograd.gradcheck(lambda logits: mask_losses(logits, true), drawn(2).requires_grad_())


def test_of_nothing_there_is_no_loss():
    assert mask_losses(drawn(0), []).shape == (0,)
