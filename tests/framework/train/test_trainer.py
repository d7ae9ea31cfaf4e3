"""What a trainer makes of how far it is from the rollout, without either of them."""

from pathlib import Path

import pytest
import torch

from framework.errors import TrainError
from framework.recipe import find_recipe
from framework.train.trainer import judged, tolerated

PEEK = str(Path(__file__).parent / "peek" / "peek.yaml")


def test_one_unlikely_token_stops_nobody_where_numbers_have_16_bits(capsys: pytest.CaptureFixture[str]):
    apart = torch.full((10_000,), 0.01)
    apart[7] = 3.0
    told = judged(apart, *tolerated(find_recipe(PEEK, ["cluster.platform=cuda"])))
    assert told["logprob_gap/max"] == 3.0
    assert not capsys.readouterr().out


def test_a_trainer_that_thinks_otherwise_of_most_tokens_stops():
    with pytest.raises(TrainError, match=r"by 0\.6 about a token on average"):
        judged(torch.full((100,), 0.6), *tolerated(find_recipe(PEEK, ["cluster.platform=cuda"])))


def test_vllm_may_be_surer_of_a_token_by_what_top_p_leaves_out():
    left_out = {
        backend: tolerated(find_recipe(PEEK, [f"rollout.backend={backend}", "rollout.top_p=0.5"]))[1]
        for backend in ("vllm", "transformers")
    }
    assert left_out["vllm"] - left_out["transformers"] == pytest.approx(0.693, abs=1e-3)
