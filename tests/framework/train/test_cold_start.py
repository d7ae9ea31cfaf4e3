from pathlib import Path

import pytest

from framework.errors import DataError
from framework.recipe import find_recipe
from framework.train.cold_start import demonstrations, train_cold_start
from framework.train.imitation import DEMONSTRATIONS, overrides


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
