"""Voices: what is written is what the family's own template writes, and nothing a question says can change that."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.blocks import Grid
from framework.errors import ConfigError, UserError
from framework.reasoners import REASONERS, Reasoner, scribe
from framework.reasoners.chatml import ChatML
from framework.reasoners.conformance import stand_in
from framework.reasoners.lab import Lab
from framework.types import Observation, Picture, Video

CLIP = Video("clip", 8, 64, 64)


@pytest.fixture(scope="module")
def voice() -> ChatML:
    return ChatML(Lab().folder(), unit=8)


# ---- a family of one's own -------------------------------------------------------------------------------------------


def test_a_processor_that_says_its_sizes_otherwise_is_told(monkeypatch: pytest.MonkeyPatch):
    eyes = SimpleNamespace(merge_size=2, patch_size={"height": 14, "width": 14})
    monkeypatch.setattr(scribe, "_processor", lambda path: SimpleNamespace(image_processor=eyes))
    with pytest.raises(ConfigError, match=r"SimpleNamespace says no patch_size; give ChatML a _patch\(\) of its own"):
        ChatML("anywhere", unit=28)


def test_a_template_must_say_how_a_reply_ends():
    with pytest.raises(ConfigError, match="template: again is 'USER: '; begin it with the token that ends a reply"):
        replace(ChatML.template, again="USER: ")


# ---- what is written -------------------------------------------------------------------------------------------------


def test_an_opening_reads_as_chatml(voice: ChatML):
    shown = voice.opening("Look.", Observation(("Find it.\n", Picture(CLIP, 0, (16, 8)), "\n")))
    assert voice.read(shown.ids) == (
        "<|im_start|>system\nLook.<|im_end|>\n"
        "<|im_start|>user\nFind it.\n<|vision_start|><|image_pad|><|image_pad|><|vision_end|>\n<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert shown.grids == (Grid(rows=2, columns=4, merge=2),)


@pytest.mark.parametrize(("ended", "closing"), [(True, ""), (False, "<|im_end|>")])
def test_what_follows_closes_a_reply_that_did_not_close_itself(voice: ChatML, ended: bool, closing: str):
    shown = voice.following(Observation(("Go on.",)), ended=ended)
    assert voice.read(shown.ids) == f"{closing}\n<|im_start|>user\nGo on.<|im_end|>\n<|im_start|>assistant\n"


def test_qwen2_5_says_what_its_template_says_when_nobody_speaks():
    family = stand_in("qwen2_5_vl")
    assert (
        family.voice()
        .read(family.voice().opening("", Observation(("Hi",))).ids)
        .startswith("<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n")
    )


HOSTILE = ["<|im_end|>", "<|image_pad|>", "<|im_start|>", "<|vision_start|>", "<image>", "<|", "a", "\n", " ", "é"]


@given(st.lists(st.sampled_from(HOSTILE)).map("".join))
def test_text_is_only_ever_text(text: str):
    own = spoken()
    shown = own.opening("", Observation((text,)))
    frame = own.opening("", Observation(("",)))
    special = set(own.special.values())
    assert [id for id in shown.ids if id in special] == [id for id in frame.ids if id in special]
    assert f"user\n{text}<|im_end|>" in own.read(shown.ids)


@cache
def spoken() -> ChatML:
    return ChatML(Lab().folder(), unit=8)


def test_a_reply_is_read_without_the_token_that_ended_it(voice: ChatML):
    ids = voice.write("<answer>Paris</answer>")
    assert voice.read([*ids, voice.stop_tokens[0]]) == voice.read(ids) == "<answer>Paris</answer>"
    assert voice.read([]) == ""


# ---- pictures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("family", "unit"), [("qwen3_vl", 32), ("qwen2_5_vl", 28)])
def test_a_size_says_how_many_tokens_the_processor_will_make(family: str, unit: int):
    folder = Lab(family=family, unit=unit).folder()
    own = ChatML(folder, unit)
    sizes = [(wide * unit, high * unit) for wide in (1, 2, 3, 7, 20) for high in (1, 2, 5, 11)]
    made = own.patches([np.zeros((high, wide, 3), np.uint8) for wide, high in sizes])
    again = own.processor.image_processor([np.zeros((high, wide, 3), np.uint8) for wide, high in sizes])
    assert made["image_grid_thw"].tolist() == again["image_grid_thw"].tolist(), "its own resizing would change nothing"
    assert [[1, g.rows, g.columns] for g in map(own.grid, sizes)] == made["image_grid_thw"].tolist()
    assert sum(own.grid(size).tokens for size in sizes) * 4 == len(made["pixel_values"])


@pytest.mark.parametrize("size", [(9, 8), (8, 12), (0, 8), (4, 4), (8 * 201, 8)])
def test_a_size_the_processor_would_change_is_refused(voice: ChatML, size: tuple[int, int]):
    with pytest.raises(UserError, match=rf"{size[0]}×{size[1]} pixels"):
        voice.grid(size)


def test_pixels_run_from_minus_one_to_one(voice: ChatML):
    for value, expected in ((0, -1.0), (255, 1.0)):
        patches = voice.patches([np.full((8, 8, 3), value, np.uint8)])["pixel_values"]
        assert patches.min().item() == patches.max().item() == pytest.approx(expected)


@pytest.mark.filterwarnings("error")
def test_pixels_may_be_read_only_and_shared(voice: ChatML):
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels.flags.writeable = False
    assert len(voice.patches([pixels, pixels])["pixel_values"]) == 8


def test_positions_of_text_alone_count_up(voice: ChatML):
    assert voice.positions([1, 2, 3], []).tolist() == [[0, 1, 2]] * 3


# ---- folders that will not do ----------------------------------------------------------------------------------------


def test_a_folder_without_an_image_processor_is_refused(tmp_path: Path):
    ChatML(Lab().folder(), 8).processor.tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match=r"reasoner\.path: .*"):
        ChatML(str(tmp_path), 8)


def test_a_folder_that_sees_in_other_units_is_refused():
    with pytest.raises(ConfigError, match=r"reasoner\.unit: 28, but .* has 8; set reasoner\.unit=8"):
        ChatML(Lab().folder(), 28)


def test_no_folder_is_refused():
    with pytest.raises(ConfigError, match=r"reasoner\.path: no/such/folder cannot be read"):
        ChatML("no/such/folder", 28)


def test_a_family_that_cannot_be_built_small_asks_for_one_of_your_own():
    class Mine(Reasoner):
        def voice(self):
            raise AssertionError

    REASONERS["mine"] = Mine
    try:
        with pytest.raises(UserError, match=r"no tiny Mine can be built; give one of your own: Mine\(path='…'\)"):
            stand_in("mine")
    finally:
        del REASONERS["mine"]
