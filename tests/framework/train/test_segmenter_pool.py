"""What an actor of a pool does in its process; peek/pooling.py asks pools on Ray."""

import os

import pytest

from framework.train.segmenter_pool import Model
from framework.vision.colour import ColorFlood


@pytest.mark.parametrize(("gpus", "seen"), [(0.0, ""), (0.5, "3")])
def test_who_asked_for_no_gpu_sees_none(gpus: float, seen: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    Model(ColorFlood(), gpus)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == seen
