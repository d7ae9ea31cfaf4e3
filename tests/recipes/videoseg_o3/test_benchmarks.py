"""An evaluation on prepared data leaves what the policy drew itself, for a benchmark's own protocol to score."""

from pathlib import Path

from framework.cli import main
from framework.evaluation.verdict import judge
from framework.recipe import find_recipe
from framework.scoring import Job, score
from framework.vision.protocols import PROTOCOLS

SAID = "</RefSeg></answer>"
"""Stands for [SEG]: this random model says it by itself."""


def test_what_a_policy_draws_itself_is_scored_as_the_benchmark_scores_it(tmp_path: Path):
    out = tmp_path / "prepared"
    asked = ["--root", "among", "--split", "eval", "--limit", "4", "--out", str(out)]
    assert main(["data", "prepare", "lab", *asked]) == 0
    data = f"data.eval={{use: prepared, root: {out}, dataset: lab, split: eval}}"
    lean = ["stages.eval.players=[expert]", "stages.eval.tampered=false", "stages.eval.rounds=0"]
    random = ["reasoner.grounding=0", "reasoner.seed=2", f"drawing.token={SAID}", f"env.grammar.draws={SAID}"]
    recipe = find_recipe("videoseg_o3/mini", [data, *lean, *random])
    judge(recipe, tmp_path, {"rl": Path(recipe.reasoner.folder())})
    left = tmp_path / "predictions"
    assert [folder.name for folder in left.iterdir()] == ["rl"], "who has no pen draws nothing"
    found = score(Job(out / "lab" / "eval", left / "rl", PROTOCOLS["lab"]()), 1).summary()
    assert found["n"] == 4
    assert found["missing"] < 4
    assert found["missing_frames"] == 0
