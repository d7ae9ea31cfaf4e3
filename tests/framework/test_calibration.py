import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from framework.calibration import Calibration, log_likelihood, uncalibrated
from framework.config import typed
from framework.errors import ConfigError

LOTS = torch.Generator().manual_seed(0)


def some(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=LOTS, dtype=torch.float64) * 3


def test_it_is_the_mean_log_likelihood_of_the_cells() -> None:
    now, then = some(3, 32, 32), some(3, 32, 32)
    plain = -binary_cross_entropy_with_logits(now, (then > 0).double(), reduction="none").mean((1, 2))
    assert log_likelihood(now, then) == pytest.approx(plain)
    assert (log_likelihood(now, then) < 0).all()


def test_logits_however_large_give_a_number_and_a_gradient() -> None:
    now = torch.tensor([[[1e4, -1e4], [1e4, -1e4]]], requires_grad=True)
    sure, wrong = log_likelihood(now, now, grid=2), log_likelihood(now, -now, grid=2)
    assert (sure.item(), wrong.item()) == (0.0, -1e4)
    (slope,) = torch.autograd.grad(wrong.sum(), now)
    assert slope.tolist() == [[[-0.25, 0.25], [-0.25, 0.25]]]


@pytest.mark.parametrize("size", [(4, 4), (7, 5), (64, 48)])
def test_its_gradient_is_that_of_finite_differences(size: tuple[int, int]) -> None:
    now, then = some(2, *size).requires_grad_(), some(2, 9, 11)
    assert torch.autograd.gradcheck(lambda logits: log_likelihood(logits, then, grid=4), now)


def test_masks_of_any_size_meet_on_the_grid() -> None:
    halves = torch.tensor([[[5.0, 5.0, -5.0, -5.0]]])
    assert log_likelihood(halves.expand(1, 4, 4), halves.expand(1, 64, 4), grid=2) == pytest.approx(
        log_likelihood(torch.tensor([[[5.0, -5.0]] * 2]), torch.tensor([[[5.0, -5.0]] * 2]), grid=2)
    )


@pytest.mark.parametrize(("threshold", "target"), [(0.0, True), (0.5, False)])
@pytest.mark.parametrize("logit", [1e-3, 0.25, 0.5])
def test_cells_just_above_nothing_are_target_but_in_the_published_code(
    threshold: float, target: bool, logit: float
) -> None:
    drawn, now = torch.full((1, 4, 4), logit), torch.full((1, 4, 4), 2.0)
    as_target, as_background = log_likelihood(now, now).item(), log_likelihood(now, -now).item()
    assert as_target > as_background
    assert log_likelihood(now, drawn, threshold=threshold).item() == pytest.approx(
        as_target if target else as_background
    )


def test_halves_are_summed_in_floats() -> None:
    now, then = some(2, 40, 40), some(2, 40, 40)
    half = log_likelihood(now.bfloat16(), then.bfloat16())
    assert half.dtype == torch.float32
    assert half == pytest.approx(log_likelihood(now.bfloat16().double(), then.bfloat16().double()), abs=1e-5)


def test_no_gradient_flows_into_what_was_drawn() -> None:
    now, then = some(1, 8, 8).requires_grad_(), some(1, 8, 8).requires_grad_()
    log_likelihood(now, then).sum().backward()
    assert now.grad is not None
    assert then.grad is None


def test_settings_that_cannot_be_are_told() -> None:
    with pytest.raises(ConfigError, match="weight"):
        typed(Calibration, {"weight": -1})
    with pytest.raises(ConfigError, match="grid"):
        typed(Calibration, {"grid": 0})


def test_it_needs_no_torch_until_it_is_used() -> None:
    code = (
        "import sys; from framework.calibration import Calibration; Calibration(weight=1); exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0


def test_what_a_token_would_be_as_likely_as_without_what_was_added_to_its_logit() -> None:
    logits = torch.randn((50, 9), generator=LOTS, dtype=torch.float64) * 4
    worth = torch.randn(50, generator=LOTS, dtype=torch.float64) * 3
    worth[::2] = 0
    spoken = logits.index_put((torch.arange(50), torch.tensor(2)), worth, accumulate=True)
    before, after = (each.log_softmax(-1)[:, 2] for each in (logits, spoken))
    assert uncalibrated(after, worth) == pytest.approx(before)
    assert torch.equal(uncalibrated(after, worth)[::2], after[::2])


def test_of_a_token_that_is_certain_nothing_more_is_known() -> None:
    sure, added = torch.zeros(1), torch.ones(1)
    assert uncalibrated(sure, added).item() == pytest.approx(0, abs=1e-6)
