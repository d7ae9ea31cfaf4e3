"""An evaluation on prepared data leaves masks that a benchmark's own protocol scores."""

from pathlib import Path

import pytest

from framework.cli import main
from framework.evaluation.verdict import judge
from framework.recipe import find_recipe
from framework.scoring import Job, score
from framework.vision.protocols import PROTOCOLS


def test_what_an_evaluation_draws_is_scored_as_the_benchmark_scores_it(tmp_path: Path):
    out = tmp_path / "prepared"
    asked = ["--root", "search", "--split", "eval", "--limit", "6", "--out", str(out)]
    assert main(["data", "prepare", "lab", *asked]) == 0
    data = f"data.eval={{use: prepared, root: {out}, dataset: lab, split: eval}}"
    recipe = find_recipe("videoseg_r1/mini", [data, "stages.eval.players=[expert]"])
    judge(recipe, tmp_path, {})
    found = score(Job(out / "lab" / "eval", tmp_path / "predictions" / "expert", PROTOCOLS["lab"]()), 1).summary()
    assert (found["n"], found["missing"], found["missing_frames"]) == (6, 0, 0)
    assert found["j_and_f"] > 0.8


def test_a_run_without_a_model_has_nobody_to_evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = ["--run", str(tmp_path / "run"), "--out", str(tmp_path / "out")]
    assert main(["eval", "quickstart", *out]) == 2
    assert f"{tmp_path / 'run'}: holds no trained model" in capsys.readouterr().err
