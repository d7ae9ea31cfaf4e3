"""A reasoner that does not fit its folder, its pictures or its template is told so before anything is trained."""

import json
import shutil
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pytest

from framework.finding import Finding
from framework.preflight import batch, served
from framework.reasoners import GLM4_1V, Gemma4, Qwen2_5VL, Qwen3_5, Qwen3VL, Reasoner
from framework.reasoners.conformance import stand_in
from framework.reasoners.fit import Asked, fits
from framework.recipe import find_recipe
from framework.train.settings import overrides


def told(reasoner: Reasoner, *shown: tuple[int, int], taught: bool = False) -> Sequence[Finding]:
    return fits(reasoner, Asked(shown, taught))


def remedy(reasoner: Reasoner, *shown: tuple[int, int]) -> str:
    [wrong] = [finding.remedy for finding in told(reasoner, *shown) if finding.remedy]
    return wrong


@pytest.mark.parametrize("name", ["qwen2_5_vl", "qwen3_vl", "qwen3_5", "glm4_1v", "gemma4"])
def test_a_family_fits_its_own_folder_and_no_other_familys(name: str):
    own = stand_in(name)
    unit = own.unit
    assert [finding for finding in told(own, (2 * unit, unit)) if finding.remedy] == []
    stranger = Gemma4(path=own.path) if name != "gemma4" else Qwen3_5(path=own.path)
    assert remedy(stranger).endswith(f"set reasoner.use={name}")


def test_thoughts_that_a_template_would_forget_are_spoken_of():
    assert "earlier thoughts stay" in told(stand_in("qwen3_5"))[-1].found
    assert told(stand_in("glm4_1v"))[-1].found == "the family's own"


def test_another_unit_is_told():
    path = stand_in("glm4_1v").path
    assert remedy(GLM4_1V(path=path, unit=32)).startswith("reasoner.unit: 32, but the processor of ")


def test_another_scale_of_places_is_told_unless_it_is_taught():
    asked = Qwen2_5VL(path="Qwen/some-name", coordinates=1000)
    assert remedy(asked) == (
        "reasoner.coordinates: 1000, but a qwen2_5_vl learned to say pixels of the picture; "
        "leave it out, or let a cold start teach it otherwise (stages.cold_start)"
    )
    assert [finding.remedy for finding in told(asked, taught=True)] == [""]
    assert told(Qwen3VL(path="Qwen/some-name")) == []


@pytest.mark.parametrize(
    ("reasoner", "prompt", "wrong"),
    [
        (
            Qwen3VL(path="a/name"),
            "Give boxes in pixels of the picture.",
            "pixels of the picture, and they are read as 0–1000",
        ),
        (Qwen2_5VL(path="a/name"), "Places go from 0 to 1000.", "0–1000 over the picture, and they are read as pixels"),
        (Qwen3VL(path="a/name"), "Places go from 0–100.", "0–100 over the picture, and they are read as 0–1000"),
        (Qwen2_5VL(path="a/name"), "Give boxes in pixels.", ""),
        (Qwen3VL(path="a/name"), "From 0 to 1000 over the picture, not pixels.", ""),
        (Qwen3VL(path="a/name"), "Look at frames 0 to 5.", ""),
    ],
)
def test_a_prompt_that_asks_for_places_otherwise_than_they_are_read_is_told(
    reasoner: Reasoner, prompt: str, wrong: str
):
    said = [finding.remedy for finding in fits(reasoner, Asked(prompt=prompt))]
    assert [wrong in each for each in said] == ([True] if wrong else [])


def test_a_picture_larger_than_a_processor_gives_tokens_for_is_told():
    wide = remedy(stand_in("gemma4"), (48, 48), (48 * 10, 48 * 8))
    assert wide.startswith("env: a picture of 480×384 pixels takes 80 tokens, and 70 are the most")


def test_an_action_that_no_reply_has_room_for_is_told():
    action = '<answer>{"bbox_2d": [101, 202, 303, 404]}</answer>'
    [tight, wide] = [fits(stand_in("qwen3_vl"), Asked(said=[action], room=room)) for room in (8, 256)]
    [wrong] = [finding.remedy for finding in tight if finding.remedy]
    assert wrong.startswith("rollout.reply_tokens: 8, but an action alone takes ")
    assert not any(finding.remedy for finding in wide)


def test_a_template_that_somebody_changed_is_told(tmp_path: Path):
    folder = shutil.copytree(stand_in("glm4_1v").path, tmp_path / "changed")
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text().replace("|>\\n", "|> "))
    assert "not the family's template: at token" in remedy(GLM4_1V(path=str(folder)))


def test_a_folder_of_something_else_is_told(tmp_path: Path):
    assert "has no config.json" in remedy(Qwen3VL(path=str(tmp_path)))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    assert "holds a bert, which is none of: lab, qwen2_5_vl" in remedy(Qwen3VL(path=str(tmp_path)))


def test_episodes_whose_pictures_attend_within_themselves_are_never_packed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("framework.train.settings.has_flash_attention", lambda: True)
    cluster = ["cluster.platform=cuda", "cluster.gpus_per_node=8", "cluster.sequence_parallel=2"]
    said = "reasoner={{use: {}, path: some/name}}", "reasoner={{use: lab, family: {}}}"
    for reasoner, (family, packs) in product(said, (("gemma4", False), ("glm4_1v", True))):
        recipe = find_recipe("quickstart", [reasoner.format(family), *cluster])
        remedies = [finding.remedy for finding in batch(recipe) if finding.remedy]
        assert any("episodes cannot be packed" in each for each in remedies) is not packs
        told = overrides(recipe, Path("run"))
        assert told.get("actor_rollout_ref.model.use_remove_padding", True) is packs


def test_a_reasoner_whose_pictures_vllm_counts_otherwise_is_not_played_there():
    for family, good in (("gemma4", False), ("glm4_1v", True)):
        recipe = find_recipe("quickstart", [f"reasoner={{use: {family}, path: some/name}}", "rollout.backend=vllm"])
        assert any("set it to transformers" in each.remedy for each in served(recipe)) is not good
