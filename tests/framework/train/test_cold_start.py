import inspect
import pickle
import shutil
import subprocess
import sys
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import pytest
import torch
import verl.utils.distributed as verls
from safetensors.torch import load_file

from framework.errors import ConfigError, DataError
from framework.recipe import find_recipe
from framework.train import patches
from framework.train.cold_start import demonstrations, train_cold_start
from framework.train.imitation import DEMONSTRATIONS, enough, joined, overrides
from framework.train.lessons import SMALL, carry_small
from framework.train.run import Run
from framework.train.tracker import read
from framework.training import Cluster


def said(*changes: str) -> list[tuple[str, str]]:
    """How each demonstration begins, and its answer."""
    recipe = find_recipe("videoseg_r1/mini", ["data.train.of.count=40", *changes])
    replies = (str(each.messages[-1].content[0]).partition("<answer>") for each in demonstrations(recipe))
    return [(thought[:7], answer[0]) for thought, _, answer in replies]


def test_a_policy_that_will_be_asked_where_to_look_is_shown_how_to_answer_that_too_and_without_a_thought():
    there = said()
    assert there.count(("<think>", "[")) == len(there) // 2
    assert there.count(("", "{")) == len(there) // 4
    assert sum(not thought and answer.isdigit() for thought, answer in there) == len(there) // 4


def test_a_sampler_that_asks_someone_else_needs_no_lessons():
    assert set(said("sampler.reasoner=lab")) == {("<think>", "[")}


@pytest.mark.parametrize(("devices", "at_once"), [(1, 32), (2, 16), (8, 4)])
def test_what_passes_through_a_device_at_a_time_is_no_more_than_its_share(devices: int, at_once: int):
    recipe = find_recipe("quickstart", [f"cluster.gpus_per_node={devices}"])
    assert overrides(recipe, Path("runs"))["data.micro_batch_size_per_gpu"] == at_once


def test_each_process_of_a_cold_start_takes_a_device_of_its_own(monkeypatch: pytest.MonkeyPatch):
    own = verls.initialize_global_process_group
    assert "set_device(local_rank)" in inspect.getsource(own)
    told: list[str] = []
    monkeypatch.setattr(patches, "on_cpu", lambda: False)
    monkeypatch.setattr(verls, own.__name__, lambda: told.append(own.__name__))
    with joined():
        assert told == [own.__name__]


def test_a_cold_start_on_more_gpus_than_there_are_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for cluster in (Cluster(platform="cuda", gpus_per_node=2), Cluster(platform="cpu", gpus_per_node=4)):
        enough(cluster)
    with pytest.raises(ConfigError, match=r"cluster\.gpus_per_node: 4, but torch finds 2 GPUs here"):
        enough(Cluster(platform="cuda", gpus_per_node=4))


def test_conversations_that_cannot_be_read_are_told_by_their_line_and_not_imitated(tmp_path: Path):
    (tmp_path / "said.jsonl").write_text('{"bad": 1}\n')
    said = [
        "reasoner.grounding=0",
        "stages.cold_start.steps=1",
        f"stages.cold_start.conversations={tmp_path}/said.jsonl",
    ]
    with pytest.raises(DataError, match="line 1: is no Conversation"):
        train_cold_start(find_recipe("quickstart", said), tmp_path / "run")
    assert not (tmp_path / "run" / "cold_start" / DEMONSTRATIONS).exists()


def test_a_cold_start_that_was_stopped_ends_as_if_it_had_not_been(tmp_path: Path):
    said = ["reasoner.grounding=0", "stages.cold_start.steps=4", "stages.cold_start.count=96"]
    recipe = find_recipe("quickstart", [*said, "stages.cold_start.save_every=2"])
    whole, stopped = Run(tmp_path / "whole", "cold_start"), Run(tmp_path / "stopped", "cold_start")
    train_cold_start(recipe, whole.folder)
    shutil.copytree(whole.folder, stopped.folder)
    shutil.rmtree(stopped.checkpoint(4))
    stopped.latest.write_text("2")
    train_cold_start(recipe, stopped.folder)
    steps = [[line["step"] for line in read(run.metrics, "cold_start")] for run in (whole, stopped)]
    assert steps == [[1, 2, 3, 4]] * 2
    weights = [load_file(run.checkpoint(4) / "huggingface" / "model.safetensors") for run in (whole, stopped)]
    assert all(bool((weights[0][name] == weights[1][name]).all()) for name in weights[0])


def test_a_small_tensor_comes_from_the_loader_in_the_message_itself_and_a_large_one_beside_it(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(ForkingPickler, "_extra_reducers", {**vars(ForkingPickler)["_extra_reducers"]})
    carry_small()
    small, large = torch.arange(1000), torch.zeros(SMALL)
    shaped = torch.nested.as_nested_tensor([small[:3], small[:2]], layout=torch.jagged)
    got, rows = pickle.loads(ForkingPickler.dumps([small, shaped]))
    assert torch.equal(got, small)
    assert [row.tolist() for row in rows.unbind()] == [[0, 1, 2], [0, 1]]
    assert len(ForkingPickler.dumps(small)) > small.nbytes
    assert len(ForkingPickler.dumps(large)) < 1000


LOADING = """
import time
import torch
from torch.utils.data import DataLoader
from framework.train import lessons

lessons.carry_small()
lessons.end_together()
batches = iter(DataLoader([torch.zeros(2**17) for _ in range(64)], batch_size=1, num_workers=1))
next(batches)
print("loaded", flush=True)
time.sleep(600)
"""


def test_a_loaders_process_ends_with_the_trainer_even_if_that_is_killed():
    trainer = subprocess.Popen([sys.executable, "-c", LOADING], stdout=subprocess.PIPE)
    assert trainer.stdout
    assert trainer.stdout.readline() == b"loaded\n"
    trainer.kill()
    trainer.communicate(timeout=30)  # the loader's process writes to the same pipe, which ends with the last of them
