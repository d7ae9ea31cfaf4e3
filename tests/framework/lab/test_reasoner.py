"""The tiny reasoner: whole, repeatable, and fluent in the lab's language."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.chat.grammar import Grammar
from framework.errors import UserError
from framework.lab import speech
from framework.lab.levels import LEVELS
from framework.lab.reasoner import build, cached
from framework.lab.world import World
from framework.reasoners import FAMILIES
from framework.reasoners.chatml import ChatML
from framework.reasoners.lab import Lab
from framework.types import Answer, Item, Select, Zoom
from framework.vision.boxes import Box, Interval, Point, Space

PLACE = Space("clip#0", (0, 0, 64, 64), (32, 32))


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIMNER_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def voice() -> ChatML:
    return ChatML(Lab().folder(), unit=8)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_settings_give_the_same_bytes(family: str, tmp_path: Path):
    lab = Lab(family=family, hidden=32, layers=1)
    for folder in (tmp_path / "a", tmp_path / "b"):
        build(lab, folder)
    written = sorted(file.relative_to(tmp_path / "a") for file in (tmp_path / "a").rglob("*"))
    assert Path("model.safetensors") in written
    assert all((tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes() for file in written)


def test_another_seed_gives_other_weights_and_another_folder():
    folders = [cached(Lab(hidden=32, layers=1, seed=seed)) for seed in (0, 1)]
    one, other = (folder / "model.safetensors" for folder in folders)
    assert one.read_bytes() != other.read_bytes()


def test_it_is_built_once():
    folder = cached(Lab(hidden=32, layers=1))
    made = folder.stat().st_mtime_ns
    assert cached(Lab(hidden=32, layers=1)).stat().st_mtime_ns == made
    assert [each for each in folder.parent.iterdir() if each.name.startswith(".building")] == [], (
        "nothing is left half built"
    )


def test_a_cache_that_cannot_be_written_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LIMNER_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match=r"cannot be written.*LIMNER_CACHE"):
        cached(Lab())


def test_building_does_not_disturb_anybodys_dice(tmp_path: Path):
    import torch

    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    build(Lab(hidden=32, layers=1), tmp_path / "x")
    assert torch.rand(1) == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_hugging_face_loads_it_as_the_family_it_copies(family: str):
    from transformers import AutoModelForImageTextToText, AutoProcessor

    folder = Lab(family=family).folder()
    model = AutoModelForImageTextToText.from_pretrained(folder)
    model_type, processor = OF[family]
    assert model.config.model_type == model_type
    assert type(AutoProcessor.from_pretrained(folder)).__name__ == processor
    assert 300_000 < model.num_parameters() < 1_000_000


OF: dict[str, tuple[str, str]] = {
    "qwen3_vl": ("qwen3_vl", "Qwen3VLProcessor"),
    "qwen2_5_vl": ("qwen2_5_vl", "Qwen2_5_VLProcessor"),
    "qwen3_5": ("qwen3_5", "Qwen3VLProcessor"),
    "glm4_1v": ("glm4v", "Glm4vProcessor"),
    "gemma4": ("gemma4", "Gemma4Processor"),
}


# ---- the language ----------------------------------------------------------------------------------------------------


@given(st.text())
def test_any_text_comes_back_as_it_went_in(text: str):
    tokenizer = spoken()
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


@cache
def spoken() -> Any:
    return speech.tokenizer(32)


def test_every_number_that_can_be_said_is_one_token(voice: ChatML):
    ids = [voice.write(str(number)) for number in range(33)]
    assert all(len(each) == 1 for each in ids)
    assert len({each[0] for each in ids}) == 33


@pytest.mark.parametrize("level", LEVELS)
def test_no_question_of_the_world_is_spelled_in_letters(voice: ChatML, level: str):
    for index in range(20):
        task = World(level=level, split="eval").task(index)
        ids = voice.write(f"{task.question}\nThe clip has {task.video.length} frames.\n")
        letters = [token for token in map(voice.read, ([id] for id in ids)) if len(token) == 1 and not token.isdigit()]
        assert not letters, f"{task.question!r} needs {letters}"


def test_the_fixed_pieces_of_the_grammar_are_one_token_each(voice: ChatML):
    box = Box(1, 2, 30, 32, PLACE)
    item = Item(box=box, point=Point(3, 4, PLACE), negatives=(Point(5, 6, PLACE),))
    said = {
        Select(Interval(2, 5), 3): 7,
        Zoom(3, box): 11,
        Answer(items=(Item(box=box),), interval=Interval(2, 5), keyframe=3): 15,
        Answer(items=(Item(box=box),), keyframe=3): 11,
        Answer(items=(Item(box=box),)): 9,
        Answer(items=(item,)): 17,
        Answer(items=(item, item)): 33,
    }
    for action, tokens in said.items():
        text = Grammar().write(action, lambda frame: PLACE)
        assert len(voice.write(text)) == tokens, [voice.read([id]) for id in voice.write(text)]
