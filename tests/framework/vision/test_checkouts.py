"""What is said where code or weights of others are missing; what they do where they are there is not tested here."""

import re
import sys
from pathlib import Path

import pytest

from framework.config import typed
from framework.errors import ConfigError
from framework.lab.world import task
from framework.registry import resolve
from framework.vision.checkouts import Cutie, OfficialSam2, XMem
from framework.vision.segmenter import Asked, Prompt

TASK = task("lab:moments/eval/1")
FRAME = max(TASK.truth.boxes)


def refused(told: str) -> "pytest.RaisesExc[ConfigError]":
    return pytest.raises(ConfigError, match=re.escape(told))


def test_without_the_package_it_is_said_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "sam2", None)
    asked = Asked(TASK.video, FRAME, Prompt(box=TASK.truth.boxes[FRAME][0]))
    with refused("install it: SAM2_BUILD_CUDA=0 uv sync --extra sam2 --no-build-isolation-package sam2"):
        OfficialSam2(weights=tmp_path / "sam2.pt").segment([asked])


@pytest.mark.parametrize(
    ("propagator", "within", "repository"),
    [
        (XMem, "inference/inference_core.py", "github.com/hkchengrex/XMem"),
        (Cutie, "cutie/inference/inference_core.py", "github.com/hkchengrex/Cutie"),
    ],
)
def test_without_a_checkout_or_weights_it_is_said_where_they_come_from(
    tmp_path: Path, propagator: type[XMem | Cutie], within: str, repository: str
):
    before, start = list(sys.path), [TASK.truth.masks[FRAME]]
    follow = propagator(path=tmp_path, weights=tmp_path / "weights.pth")
    with refused(f"{tmp_path}: holds no {within}; clone {repository} and name its folder"):
        follow.propagate(TASK.video, FRAME, start)
    (tmp_path / within).parent.mkdir(parents=True)
    (tmp_path / within).write_text("")
    with refused(f"{tmp_path / 'weights.pth'}: there is no such file of weights"):
        follow.propagate(TASK.video, FRAME, start)
    (tmp_path / "weights.pth").write_bytes(b"")
    assert sys.path == before


def test_they_are_chosen_by_name_and_their_places_must_be_given():
    assert [resolve("propagator", name) for name in ("xmem", "cutie")] == [XMem, Cutie]
    with refused("path: must be given"):
        typed(XMem, {"weights": "XMem.pth"})
