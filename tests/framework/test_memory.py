"""What a recipe takes of a GPU, against numbers counted by hand and, of weights, by transformers."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from framework import memory
from framework.cookbook import RECIPES
from framework.lab import speech
from framework.lab.full import MODELS, Reader
from framework.reasoners.lab import Lab
from framework.recipe import Recipe, find_recipe

TINY: dict[str, Any] = {
    "tie_word_embeddings": True,
    "text_config": {
        "hidden_size": 8,
        "intermediate_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 3,
        "vocab_size": 100,
    },
    "vision_config": {"hidden_size": 4, "intermediate_size": 8, "depth": 3},
}


def written(folder: Path, config: dict[str, Any]) -> Path:
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def recipe(path: Path, *changes: str) -> Recipe:
    cluster = ("cluster.platform=cuda", "cluster.gpus_per_node=4", "cluster.gradient_checkpointing=true")
    limits = (
        "rollout.backend=vllm",
        "rollout.prompt_tokens=60",
        "rollout.episode_tokens=40",
        "algorithm.micro_batch=2",
    )
    own = ("stages.cold_start.steps=0", *cluster, *limits, *changes)
    return find_recipe("quickstart", [f"reasoner={{use: qwen2_5_vl, path: {path}}}", *own])


@pytest.fixture
def tiny(tmp_path: Path) -> memory.Sizes:
    found = memory.sizes(written(tmp_path, TINY))
    assert found
    return found


def test_weights_and_bytes_of_a_token_are_counted_from_a_config(tiny: memory.Sizes):
    assert tiny.layer == 8 * 3 * (2 * 4 + 2 * 2) + 3 * 8 * 16 + 2 * 8
    assert tiny.rows == 100 * 8
    assert tiny.eyes == 3 * (4 * 16 + 3 * 4 * 8) + 16 * (16 + 8)
    assert tiny.weights == 2 * 688 + 800 + 864
    assert tiny.work == 2 * (40 + 36 + 64)
    assert tiny.kept == 2 * 2 * 2 * 2 * 3


def test_a_plan_is_what_can_be_counted_by_hand(tiny: memory.Sizes, tmp_path: Path):
    found = memory.plan(recipe(tmp_path), tiny)
    told = {
        name: value * memory.GIB for name, value in asdict(found).items() if name not in ("room", "offload", "vllm")
    }
    tokens = 2 * 100
    assert told == pytest.approx(
        {
            "weights": 4 * 3040 / 4,
            "moments": 12 * 3040 / 4,
            "gathered": 2 * (688 + 800),
            "activations": tokens * (2 * 2 * 8 + 280),
            "logits": tokens * 100 * 8,
        }
    )
    assert found.vllm == 40.0
    assert found.room == int((40 * memory.GIB - 2 * 3040) / 48)
    assert found.playing == found.vllm + found.weights + found.moments


@pytest.mark.parametrize(
    ("change", "name", "expected"),
    [
        ("algorithm.freeze=[vision]", "moments", 12 * (3040 - 864) / 4),
        ("algorithm.lora_rank=8", "moments", 0.0),
        ("cluster.gradient_checkpointing=false", "activations", 200 * (2 * 280 + 280)),
        ("stages.cold_start={steps: 1, micro_batch: 32}", "logits", 3200 * 100 * 8),
        ("verl.actor_rollout_ref.rollout.gpu_memory_utilization=0.25", "vllm", 20 * memory.GIB),
    ],
)
def test_what_a_recipe_says_otherwise_is_planned_otherwise(
    tiny: memory.Sizes, tmp_path: Path, change: str, name: str, expected: float
):
    assert getattr(memory.plan(recipe(tmp_path, change), tiny), name) * memory.GIB == pytest.approx(expected)


def real(name: str) -> Any:
    """The config of a model of real size."""
    model = MODELS[name]
    assert isinstance(model, Reader)
    made = Lab(family=model.family, unit=model.unit).copied.small()
    special = made.special or made.template.special()
    return model.config(speech.tokenizer(9, (), special, made.turns, made.jinja, made.names()))


@pytest.mark.parametrize("name", ["qwen3_vl_2b", "qwen2_5_vl_7b"])
def test_weights_of_real_models_are_theirs(name: str, tmp_path: Path):
    import torch
    from transformers import AutoModelForImageTextToText

    config = real(name)
    config.save_pretrained(tmp_path)
    with torch.device("meta"):
        there = sum(each.numel() for each in AutoModelForImageTextToText.from_config(config).parameters())
    found = memory.sizes(tmp_path)
    assert found
    assert found.weights == pytest.approx(there, rel=0.01)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("videoseg_r1/rl", "qwen2_5_vl_7b"),
        ("videoseg_r1/3b", "qwen2_5_vl_3b"),
        ("videoseg_o3/2b", "qwen3_vl_2b"),
        ("videoseg_o3/4b", "qwen3_vl_4b"),
    ],
)
def test_a_recipes_page_quotes_its_plan(name: str, model: str, tmp_path: Path):
    real(model).save_pretrained(tmp_path)
    found = memory.sizes(tmp_path)
    assert found
    told = memory.plan(find_recipe(name, [f"reasoner.path={tmp_path}", "data.root=given"]), found)
    page = (RECIPES / Path(name).parent / "README.md").read_text()
    assert f"`{name}` {told.learning:.0f} GiB to learn and {told.playing:.0f} to play" in " ".join(page.split())


def test_check_says_what_is_needed_and_that_it_cannot_be_known(tmp_path: Path):
    [unknown] = memory.findings(recipe(tmp_path))
    assert unknown.found.startswith("not known: no config.json of ")
    learn, play = memory.findings(recipe(written(tmp_path, TINY)))
    assert learn.found.startswith("about 0 GiB a device: 0.0 weights, ")
    assert (play.found.startswith("about 40 GiB a device: 40.0 of the rollout"), play.limit) == (True, "80 GiB")
    large = written(tmp_path, TINY | {"text_config": TINY["text_config"] | {"vocab_size": 151_936}})
    learn, _ = memory.findings(recipe(large, "algorithm.micro_batch=2000", "stages.cold_start.steps=0"))
    assert "; lower algorithm.micro_batch or rollout.episode_tokens" in learn.found
    assert not learn.remedy, "an estimate stops nobody"


def test_a_mixture_of_experts_is_not_counted_as_one(tmp_path: Path):
    assert memory.sizes(written(tmp_path, TINY | {"text_config": TINY["text_config"] | {"num_experts": 8}})) is None
    assert memory.sizes(tmp_path / "nowhere") is None
