"""What does not fit is said before anything is trained, with the key to change."""

import json
from pathlib import Path

import pytest

from framework.budget import count
from framework.cli import main
from framework.env import Sight
from framework.preflight import batch, preflight
from framework.recipe import find_recipe
from framework.remote.server import Host
from framework.types import Observation, Picture, Video


def remedies(*changes: str) -> list[str]:
    return [finding.remedy for finding in preflight(find_recipe("quickstart", changes)) if finding.remedy]


def test_the_quickstart_fits():
    assert remedies() == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ("rollout.prompt_tokens=20", "rollout.prompt_tokens: 20 tokens, but the first observation may take "),
        ("rollout.episode_tokens=40", "rollout.episode_tokens: 40 tokens, but 2 turns may take "),
        ("env.max_turns=9", "rollout.episode_tokens: 96 tokens, but 9 turns may take "),
        ("algorithm.group=1", "algorithm.group: 1 leaves nothing to compare with"),
        ("algorithm.mini_batch=3", "algorithm.mini_batch: 3 does not divide algorithm.prompts 8; try 1, 2, 4, 8"),
        ("data.train.count=4", "algorithm.prompts: 8 a step, but data.train has 4 tasks; set it to at most 4"),
        ("reasoner.coordinates=2", "reasoner.coordinates: 2 is too coarse for these boxes; raise it"),
        ("stages.eval.players=[expret]", "stages.eval.players: no player 'expret'; did you mean 'expert'?"),
        ("stages.cold_start.players=[mixd]", "stages.cold_start.players: no player 'mixd'; did you mean 'mixed'?"),
        (
            "stages.cold_start.conversations=ghost.jsonl",
            "stages.cold_start.conversations: there is no file 'ghost.jsonl'",
        ),
        ("reasoner.path=./ghost", "reasoner.path: './ghost' is no folder; give the model's folder or its name"),
    ],
)
def test_what_does_not_fit_names_the_key_to_change(change: str, path: str):
    assert any(remedy.startswith(path) for remedy in remedies(change)), remedies(change)


def test_devices_must_share_a_step_evenly():
    [remedy] = remedies("cluster.platform=cuda", "cluster.gpus_per_node=8", "cluster.nodes=3")
    assert remedy.startswith("algorithm.prompts: 64 episodes do not divide among 24 devices")
    assert remedy.endswith("set it to 3, 6 …")


def test_where_a_gradient_is_of_fewer_tasks_it_is_those_that_must_be_shared():
    [remedy] = remedies("cluster.platform=cuda", "cluster.gpus_per_node=16", "algorithm.mini_batch=1")
    assert remedy.startswith("algorithm.mini_batch: 8 episodes do not divide among 16 devices")
    assert remedy.endswith("set it to 2, 4 …")


def test_devices_must_share_a_batch_of_demonstrations_evenly():
    [remedy] = remedies("cluster.platform=cuda", "cluster.gpus_per_node=8", "stages.cold_start.batch=20")
    assert remedy.startswith("stages.cold_start.batch: 20 conversations do not divide among 8 devices")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (["cluster.tensor_parallel=3"], "cluster.tensor_parallel: 3 does not divide 16 devices; try 1, 2, 4, 8, 16"),
        (["cluster.tensor_parallel=2", "rollout.backend=transformers"], "the transformers backend uses one device"),
        (["cluster.sequence_parallel=2", "cluster.platform=cpu"], "needs packed batches, which the cpu platform does"),
    ],
)
def test_what_cannot_be_spread_over_devices_is_told(changes: list[str], told: str):
    cluster = ["cluster.platform=cuda", "cluster.nodes=2", "cluster.gpus_per_node=8", "rollout.backend=vllm"]
    [remedy] = remedies(*cluster, *changes)
    assert told in remedy


@pytest.mark.parametrize("there", [True, False])
def test_that_an_episode_cannot_be_shared_without_flash_attention_is_told(monkeypatch: pytest.MonkeyPatch, there: bool):
    monkeypatch.setattr("framework.train.settings.has_flash_attention", lambda: there)
    changes = ("cluster.platform=cuda", "cluster.gpus_per_node=8", "cluster.sequence_parallel=2")
    [found] = [each for each in batch(find_recipe("quickstart", changes)) if each.what == "sequence_parallel"]
    assert not found.remedy  # a cluster may have what this machine has not
    assert (found.doubtful, "flash attention" in found.found) == (not there, not there)


def test_devices_that_share_an_episode_share_the_batch_as_one():
    cluster = ("cluster.platform=cuda", "rollout.backend=vllm", "cluster.nodes=16", "cluster.gpus_per_node=8")
    assert remedies(*cluster)[0].startswith("algorithm.prompts: 64 episodes do not divide among 128 devices")
    assert not remedies(*cluster, "cluster.sequence_parallel=2", "cluster.tensor_parallel=4")


def test_what_the_remedy_asks_for_is_enough():
    [remedy] = remedies("rollout.episode_tokens=40")
    needed = remedy.partition("set it to ")[2].partition(",")[0]
    assert remedies(f"rollout.episode_tokens={needed}") == []


def test_a_reward_without_anything_to_measure_is_named():
    [remedy] = remedies("data.train.level=still", "rewards.when.use=interval_iou")
    assert remedy == "rewards.when: nothing to measure here (the task has no true interval); take it out"


def test_visual_tokens_come_from_sizes_alone():
    rules = find_recipe("quickstart").env.model_copy(update={"sight": Sight(unit=28)})
    picture = Picture(Video("nowhere", 1, 640, 360), 0, size=(196, 112))
    assert count(Observation((picture, picture)), rules).visual == 2 * 7 * 4


def test_check_prints_a_table_and_ends_with_what_to_change(capsys: pytest.CaptureFixture[str]):
    assert main(["check", "quickstart", "rollout.prompt_tokens=20"]) == 2
    said = capsys.readouterr()
    assert "first observation" in said.out
    assert said.err.startswith("limner: rollout.prompt_tokens: 20 tokens")


def test_check_of_what_fits_ends_well(capsys: pytest.CaptureFixture[str]):
    assert main(["check", "quickstart"]) == 0
    assert "0.1·form" in capsys.readouterr().out


def test_what_may_not_fit_or_was_not_tried_is_not_ticked(capsys: pytest.CaptureFixture[str]):
    assert main(["check", "quickstart", "cluster.platform=cuda", "rewards.shown=tags_per_turn"]) == 0
    marks = {line[3:20].strip(): line[1] for line in capsys.readouterr().out.splitlines()}
    assert marks["GPU memory"] == marks["reward shown"] == "–"
    assert marks["reward place"] == "✓"


def test_a_prompt_that_never_asks_is_not_ticked(capsys: pytest.CaptureFixture[str]):
    assert main(["check", "quickstart", "env.prompt=Look at {qestion}."]) == 0
    said = capsys.readouterr().out
    assert " –  question " in said
    assert "has env.prompt its {question}?" in said


NOT_THERE = """
from dataclasses import replace
from framework.errors import DataError
from framework.lab.world import World
from framework.source import Source
from framework.types import Truth

class Clips(Source):
    def size(self):
        return 8

    def task(self, index):
        task = World(level="glance", count=8).task(index)
        if index == 0:
            raise DataError("spoiled")
        nowhere = Truth(present=(False,) * task.video.length, kind="not there")
        return replace(task, truth=nowhere) if index < 3 else task
"""
RECIPE = """
about: asks for what is not always there
reasoner: lab
data: {train: {use: "clips_of_mine:Clips"}, eval: {use: "clips_of_mine:Clips"}, faulty: skip}
algorithm: {prompts: 4, group: 2}
env: {use: keyframes, max_turns: 2}
rewards: {place: box_iou}
"""


def test_tasks_that_no_expert_can_answer_and_rows_that_are_skipped_stop_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "clips_of_mine.py").write_text(NOT_THERE)
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE)
    assert main(["check", str(path)]) == 0
    said = capsys.readouterr().out
    assert "can answer 5 of the 7 tasks looked at; the others are not tried" in said
    assert "on 5 of 5 tasks" in said
    assert main(["dry", str(path), "-n", "16"]) == 0
    said = capsys.readouterr().out
    assert "10 episodes of 5 tasks, played by mixed" in said
    assert "left out: 2 tasks that no expert can answer" in said
    assert main(["dry", str(path), "-n", "16", "--policy", "random"]) == 0
    assert "14 episodes of 7 tasks" in capsys.readouterr().out
    (tmp_path / "clips_of_none.py").write_text(NOT_THERE.replace("index < 3", "index < 8"))
    assert main(["check", str(path), "data.train.use=clips_of_none:Clips"]) == 0
    assert "no frame has a box" in capsys.readouterr().out, "why there is no expert"
    about = Host(find_recipe(str(path))).about()
    assert (about["tasks"], about["expert"]) == ({"train": 8, "eval": 8}, False)


SPLIT = """
from framework.errors import DataError
from framework.lab.world import World
from framework.source import Source

class Clips(Source):
    split: str = "train"
    count: int = 8

    def size(self):
        return self.count

    def task(self, index):
        if self.split == "torn" and index == 3:
            raise DataError("spoiled")
        return World(level="glance", split="eval" if self.split == "held out" else "train", count=8).task(index)
"""


def test_rows_of_the_evaluation_are_looked_at_before_anything_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "split_of_mine.py").write_text(SPLIT)
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.replace("clips_of_mine", "split_of_mine"))
    assert main(["check", str(path), "data.eval.split=held out"]) == 0
    assert " –  rows" not in capsys.readouterr().out
    assert main(["check", str(path)]) == 0
    assert "8 of 8 looked at of data.eval are tasks of data.train, too" in capsys.readouterr().out
    assert main(["check", str(path), "data.eval.split=torn"]) == 0
    assert "left out: 1 of 8 rows; the first: row 3 of Clips: spoiled" in capsys.readouterr().out
    assert main(["check", str(path), "data.eval.split=torn", "data.faulty=stop"]) == 2
    assert "limner: data.eval: row 3 of Clips: spoiled" in capsys.readouterr().err
    assert main(["check", str(path), "data.eval.count=0"]) == 2
    assert "limner: data.eval: Clips: it has no rows" in capsys.readouterr().err


def test_what_a_server_says_of_itself_is_found_out_once(monkeypatch: pytest.MonkeyPatch):
    host = Host(find_recipe("quickstart"))
    said = json.dumps(host.about())
    monkeypatch.setattr("framework.remote.server.expert_of", lambda *_: pytest.fail("asked again"))
    assert json.dumps(host.about()) == said
