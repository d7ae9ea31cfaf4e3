"""Models of real architecture and no worth: are they as large as the published ones, and does a recipe take them?"""

from pathlib import Path
from typing import Any

import pytest
import torch

from framework.cli import main
from framework.commands import rehearse
from framework.commands.rehearse import rehearsal, shown
from framework.errors import TrainError, UserError
from framework.lab import speech
from framework.lab.full import MODELS, Painter
from framework.preflight import preflight
from framework.reasoners.qwen import Qwen2_5VL, Qwen3VL
from framework.reasoners.reasoner import Reasoner
from framework.testing import check_reasoner
from framework.train.settings import verl_config
from framework.vision.sam2 import Sam2, loaded

WEIGHTS = {
    "qwen3_vl_2b": 2_127_532_032,
    "qwen3_vl_4b": 4_437_815_808,
    "qwen2_5_vl_3b": 3_754_622_976,
    "qwen2_5_vl_7b": 8_292_166_656,
    "sam2_large": pytest.approx(224.4e6, abs=5e4),
}
"""Of the published checkpoints; SAM 2 says its own in millions."""


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIMNER_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.mark.parametrize("name", MODELS)
def test_it_has_as_many_weights_as_the_published_model(name: str):
    import transformers

    model = MODELS[name]
    with torch.device("meta"):
        if isinstance(model, Painter):
            made: Any = transformers.Sam2VideoModel(model.config())
        else:
            config = model.config(speech.tokenizer(9))
            made = transformers.AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16)
    assert sum(weight.numel() for weight in made.parameters()) == WEIGHTS[name]


@pytest.mark.parametrize(("name", "kind"), [("qwen3_vl_2b", Qwen3VL), ("qwen2_5_vl_3b", Qwen2_5VL)])
def test_a_small_one_is_what_its_adapter_expects(name: str, kind: type[Reasoner], tmp_path: Path):
    MODELS[name].small().write(tmp_path)
    check_reasoner(kind(path=str(tmp_path)))


def test_a_painter_is_a_sam2_for_images_and_for_videos(tmp_path: Path):
    MODELS["sam2_large"].small().write(tmp_path)
    for kind in ("Sam2", "Sam2Video"):
        net, _ = loaded(Sam2(path=str(tmp_path)), f"{kind}Model", f"{kind}Processor")
        assert net.config.prompt_encoder_config.image_size == 128


@pytest.mark.parametrize("name", ["videoseg_o3/2b", "videoseg_r1/3b"])
def test_a_recipe_can_be_rehearsed_with_nothing_given(name: str, tmp_path: Path):
    recipe = rehearsal(name, ["algorithm.lr=1e-5"], small=True)
    assert (recipe.stages.rl.steps, recipe.cluster.gpus_per_node, recipe.algorithm.lr) == (2, 1, 1e-5)
    assert [finding.remedy for finding in preflight(recipe) if finding.remedy] == []
    assert verl_config(recipe, tmp_path, recipe.reasoner.folder())


def written(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What weights are asked for; none are made."""
    found: list[object] = []

    def none(model: object, small: bool = False) -> Path:
        found.append(model)
        return Path("none")

    monkeypatch.setattr(rehearse, "random_weights", none)
    return found


def test_what_is_mistaken_is_told_before_weights_are_written(monkeypatch: pytest.MonkeyPatch):
    there = written(monkeypatch)
    for change, told in (("algorithm.lr=fast", "algorithm.lr: 'fast'"), ("reasoner=lab", "no model 'lab_2b'")):
        with pytest.raises(UserError, match=told):
            rehearsal("videoseg_o3/2b", [change])
    assert not there
    rehearsal("videoseg_o3/2b", [])
    assert there == [MODELS["qwen3_vl_2b"], *[MODELS["sam2_large"]] * 2]


def test_a_rehearsal_shares_nothing_among_more_devices_than_its_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    written(monkeypatch)
    shared = tmp_path / "2b.yaml"
    shared.write_text("extends: videoseg_o3/2b\ncluster: {tensor_parallel: 2}\n")
    assert rehearsal(str(shared), []).cluster.tensor_parallel == 1
    assert rehearsal(str(shared), ["cluster={gpus_per_node: 2, tensor_parallel: 2}"]).cluster.tensor_parallel == 2


def test_a_rehearsal_that_stops_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    from framework.train import launch

    def stopped(*_: object, **__: object) -> None:
        raise TrainError("out of memory")

    written(monkeypatch)
    monkeypatch.setattr(launch, "train_rl", stopped)
    assert main(["rehearse", "videoseg_o3/2b", "--out", str(tmp_path)]) == 1


def test_pictures_are_as_large_as_they_may_be():
    rules: Any = rehearsal("videoseg_o3/2b", [], small=True).env
    assert rules.keyframe.min_pixels == rules.keyframe.max_pixels == 200_704
    assert rules.overview.min_pixels == 25_088


def test_a_step_is_told_line_by_line():
    line = {"step": 1, "time/step_s": 8.0, "episodes/count": 64.0, "memory_gb": 41.5}
    table = shown([line, {**line, "step": 2, "time/step_s": 4.0}])
    cells = list(zip(*(column.cells for column in table.columns), strict=True))
    assert ("a step", "8 s", "4 s") in cells
    assert ("GPU memory, most", "41.5 GB", "41.5 GB") in cells
    assert ("episodes a second", "8", "16") in cells
