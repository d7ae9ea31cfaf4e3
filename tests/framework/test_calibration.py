import pytest
import torch

from framework.calibration import uncalibrated

LOTS = torch.Generator().manual_seed(0)


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
