"""What verl is told of the published numbers, and what is shown in which stage."""

from pathlib import Path

import pytest

from envs.by_dataset import ByDataset
from envs.keyframes import Keyframes
from envs.zoom import Zooming
from framework.data.mixture import Mixture
from framework.recipe import Recipe, find_recipe
from framework.testing import filled
from framework.train.settings import verl_config

UNIT = 28**2
BENCHMARKS = ("revos", "mevis", "ref_youtube_vos", "ref_davis17", "ref_sav", "reason_vos", "long_rvos", "groundmore")


def recipe(name: str) -> Recipe:
    return find_recipe(f"videoseg_o3/{name}", filled(f"videoseg_o3/{name}"))


@pytest.mark.parametrize("name", ["rl", "2b"])
def test_verl_is_told_the_published_numbers(name: str, tmp_path: Path):
    verl = verl_config(recipe(name), tmp_path, "model")
    actor, rollout = verl.actor_rollout_ref.actor, verl.actor_rollout_ref.rollout
    assert (rollout.n, verl.data.train_batch_size, actor.ppo_mini_batch_size) == (4, 16, 16)
    assert (actor.optim.lr, actor.grad_clip, actor.ppo_epochs) == (3e-6, 1.0, 1)
    assert (actor.use_kl_loss, actor.kl_loss_type, actor.kl_loss_coef) == (True, "k3", 0.04)
    assert (rollout.temperature, rollout.top_p) == (0.9, 0.9)
    assert actor.loss_agg_mode == "seq-mean-token-mean"


@pytest.mark.parametrize(
    ("name", "frames", "units"),
    [
        ("rl", (10, 5, 5), (32, 128, 256)),
        ("cold_start", (20, 5, 10), (32, 128, 512)),
        ("eval", (20, 8, 5), (32, 256, 512)),
        *((f"eval/{name}", (20, 8, 5), (32, 256, 512)) for name in BENCHMARKS),
    ],
)
def test_each_stage_shows_as_much_as_published(name: str, frames: tuple[int, ...], units: tuple[int, ...]):
    rules = recipe(name).env
    assert isinstance(rules, Keyframes)
    assert (rules.overview.frames, rules.detail.frames, rules.interval.frames) == frames
    shown = (rules.overview, rules.detail, rules.keyframe)
    assert tuple(look.max_pixels // UNIT for look in shown) == units
    assert {look.min_pixels for look in shown} == {4 * UNIT}
    assert (rules.max_turns, rules.grammar.half_open) == (3, False)


def test_the_query_is_put_alike_in_every_stage_and_turn():
    rules = [recipe(name).env for name in ("rl", "cold_start", "eval", "compat")]
    assert len({(each.system, each.prompt, each.again) for each in rules if isinstance(each, Keyframes)}) == 1
    zoom, first = recipe("zoom").env, rules[0]
    assert isinstance(zoom, Zooming)
    assert isinstance(first, Keyframes)
    same = {"sight": first.sight, "system": first.system, "max_turns": first.max_turns}
    assert zoom.inner.model_copy(update=same) == first
    assert zoom.again == first.again


def test_what_the_system_prompt_shows_is_what_is_read_and_earns():
    told = recipe("rl")
    shown = [line for line in told.env.system.splitlines() if line.startswith(("<select>", "<answer>"))]
    for line in shown:
        action = told.env.grammar.parse(line, 100, lambda _: None)
        assert told.env.grammar.write(action, lambda _: None) == line  # pyright: ignore[reportArgumentType]
    assert len(shown) == 2


def test_the_first_stage_mixes_outlines_with_times():
    first = recipe("sft")
    assert isinstance(first.data.train, Mixture)
    assert set(first.data.train.of) == {
        *("refcoco", "refcoco+", "refcocog", "reason_seg"),
        *("revos", "mevis", "ref_youtube_vos", "ref_sav", "long_rvos", "timelens"),
    }
    assert isinstance(first.env, ByDataset)
    assert first.env.of["timelens"].grammar.ends == ("start_frame", "end_frame")
    assert first.env.others.grammar.draws == "[SEG]"


@pytest.mark.parametrize(("name", "cold", "rl"), [("sft", True, 0), ("cold_start", True, 0), ("rl", False, 1000)])
def test_each_stage_is_a_recipe(name: str, cold: bool, rl: int):
    stages = recipe(name).stages
    assert (stages.cold_start.steps > 0, stages.rl.steps) == (cold, rl)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_has_its_evaluation(name: str):
    assert recipe(f"eval/{name}").data.eval.model_dump()["dataset"] == name
