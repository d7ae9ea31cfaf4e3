from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForImageTextToText

from framework.lab.grounding import CLIPS, ground, when, where
from framework.lab.levels import UNSEEN_PAIRS
from framework.lab.reasoner import build
from framework.reasoners.chatml import ChatML
from framework.reasoners.lab import Lab

LAB = Lab(hidden=48, layers=1, vision_hidden=32, vision_layers=1, grounding=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(LAB.model_copy(update={"grounding": 0}), tmp_path_factory.mktemp("lab") / "random")


def taught(folder: Path) -> tuple[dict[str, torch.Tensor], list[float]]:
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    told: list[float] = []
    ground(model, ChatML(str(folder), LAB.unit), LAB, lambda step, loss: told.append(loss))
    return model.state_dict(), told


def test_a_grounded_reasoner_is_made_twice_alike_and_has_learned(folder: Path):
    torch.manual_seed(1)
    once, losses = taught(folder)
    torch.manual_seed(2)
    again, _ = taught(folder)
    assert all(torch.equal(once[name], again[name]) for name in once)
    assert np.mean(losses[-3:]) < 0.92 * losses[0]


def test_a_lesson_says_yes_where_the_target_is_and_tells_its_box(folder: Path):
    voice, lots = ChatML(str(folder), LAB.unit), np.random.default_rng(0)
    task = CLIPS.task(0)
    glance = when(task, voice, LAB)
    assert glance.here.astype(bool).tolist() == list(task.truth.present)
    assert len(glance.pictures) == task.video.length
    assert not glance.tokens.mask.any()
    look = next(each for each in (where(task, voice, LAB, lots) for _ in range(9)) if each.here.any())
    said = voice.read(look.tokens.ids[look.tokens.mask == 1].tolist())
    (box,) = task.truth.boxes[look.pictures[0].frame]
    told = [round(value) for value in box.to(LAB.sight.said_on(look.pictures[0])).corners]
    assert said == f'<answer>[{{"bbox_2d": {told}}}]</answer>'


def test_no_lesson_asks_for_a_pair_that_is_held_out():
    questions = [CLIPS.task(index).question for index in range(300)]
    assert not any(f"{colour} {shape}" in question for question in questions for colour, shape in UNSEEN_PAIRS)
