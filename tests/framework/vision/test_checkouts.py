"""What is said where code or weights of others are missing, and how their code is called: by stand-ins of it."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from framework.config import typed
from framework.errors import ConfigError
from framework.lab.world import task
from framework.registry import resolve
from framework.vision import masks
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


# ---- checkouts in miniature ------------------------------------------------------------------------------------------

NETWORK = """
class Network:
    def __init__(self, config, map_location=None): self.cfg = config
    def to(self, device): return self
    def eval(self): return self
    def load_weights(self, weights, init_as_zero_if_needed=True): assert weights == {"all": 1}

XMem = CUTIE = Network
"""
CORE = """
import torch

class InferenceCore:
    def __init__(self, network, config=None, cfg=None): self.steps, self.labels = 0, None
    def set_all_labels(self, labels): self.labels = labels
    def step(self, image, mask=None, labels=None, *, idx_mask=None):
        if mask is not None:
            assert not idx_mask and labels == self.labels
            self.mask = mask
        else:
            self.steps += 1
        assert image.shape[1:] == self.mask.shape[1:] == (32, 32)
        moved = self.mask.roll(self.steps, 2)  # a column a step
        return torch.cat([torch.full_like(moved[:1], 0.5), moved])
"""
HYDRA = """
from contextlib import nullcontext

def initialize_config_dir(version_base, config_dir): return nullcontext()
def compose(config_name): return {"name": config_name}
"""
CODE = {
    XMem: {"model/network.py": NETWORK, "inference/inference_core.py": CORE},
    Cutie: {
        "cutie/model/cutie.py": NETWORK,
        "cutie/inference/inference_core.py": CORE,
        "cutie/inference/utils/args_utils.py": "def get_dataset_cfg(config): assert config['name'] == 'eval_config'",
        "hydra.py": HYDRA,
    },
}


OF_CHECKOUTS = ("model", "inference", "cutie", "hydra")


def imported() -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] in OF_CHECKOUTS]


@pytest.fixture
def imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test imports from a checkout is forgotten, and what was there before comes back."""
    for name in imported():
        monkeypatch.delitem(sys.modules, name)
    yield
    for name in imported():
        del sys.modules[name]


@pytest.mark.usefixtures("imports")
@pytest.mark.parametrize("propagator", [XMem, Cutie])
def test_several_objects_are_carried_both_ways_at_the_size_it_sees(tmp_path: Path, propagator: type[XMem | Cutie]):
    for name, code in CODE[propagator].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code)
    torch.save({"all": 1}, tmp_path / "weights.pth")
    start = np.zeros((3, 64, 64), bool)
    start[0, 10:20, 20:30] = start[2, 40:52, 30:36] = True  # the one between is empty
    follow = propagator(path=tmp_path, weights=tmp_path / "weights.pth", size=32, device="cpu")
    found = follow.propagate(TASK.video, 3, [masks.pack(each) for each in start])
    assert sorted(found) == list(range(8))
    for frame, several in found.items():
        moved = np.roll(start, 2 * abs(frame - 3), axis=2)
        assert np.array_equal([masks.decode(each) for each in several], moved)
