import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from framework.errors import ConfigError
from framework.recipe import Recipe, find_recipe
from framework.train import imitation, settings

PEEK = str(Path(__file__).parent / "peek" / "peek.yaml")
RUN = Path("runs/peek")


def recipe(*changes: str) -> Recipe:
    return find_recipe(PEEK, changes)


def told(*changes: str) -> dict[str, Any]:
    return settings.overrides(recipe(*changes), RUN)


def test_verl_has_every_setting_the_table_names():
    verl = settings.defaults()
    unlisted = "actor_rollout_ref.rollout.agent.agent_loop_manager_class"  # verl asks for it, and lists it nowhere
    for theirs in settings.overrides(recipe("algorithm.kl=k1"), RUN).keys() - {unlisted}:
        settings.refuse_unknown(verl, theirs)


def test_what_a_recipe_says_is_what_verl_gets():
    verl = settings.verl_config(
        recipe("algorithm.lr=0.5", "algorithm.clip=[0.1,0.3]", "algorithm.group=6"), RUN, "model"
    )
    actor = verl.actor_rollout_ref.actor
    assert (actor.optim.lr, actor.clip_ratio_low, actor.clip_ratio_high) == (0.5, 0.1, 0.3)
    assert verl.actor_rollout_ref.rollout.n == 6
    assert verl.actor_rollout_ref.model.path == "model"


def test_what_a_recipe_says_of_its_cluster_is_what_verl_gets(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settings, "has_flash_attention", lambda: True)
    changes = ("nodes=4", "gpus_per_node=8", "tensor_parallel=2", "sequence_parallel=4", "offload=true")
    verl = settings.verl_config(recipe("cluster.platform=cuda", *(f"cluster.{each}" for each in changes)), RUN, "model")
    assert (verl.trainer.device, verl.trainer.nnodes, verl.trainer.n_gpus_per_node) == ("cuda", 4, 8)
    side = verl.actor_rollout_ref
    assert side.rollout.tensor_model_parallel_size == 2
    assert side.actor.ulysses_sequence_parallel_size == side.ref.ulysses_sequence_parallel_size == 4
    for fsdp in (side.actor.fsdp_config, side.ref.fsdp_config):
        assert fsdp.param_offload
    assert side.actor.fsdp_config.optimizer_offload
    assert side.model.use_remove_padding, "episodes can be spread over devices only when they are packed"


@pytest.mark.parametrize(
    ("family", "there", "packed"), [("qwen3_vl", True, True), ("qwen3_vl", False, False), ("gemma4", True, False)]
)
def test_episodes_are_packed_only_where_they_can_be_kept_apart(
    family: str, there: bool, packed: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(settings, "has_flash_attention", lambda: there)
    on_cuda = recipe("cluster.platform=cuda", f"reasoner={{use: {family}, path: model}}")
    rl = settings.verl_config(on_cuda, RUN, "model").actor_rollout_ref.model
    taught = imitation.overrides(on_cuda, RUN)
    assert rl.use_remove_padding == taught.get("model.use_remove_padding", True) == packed
    assert rl.override_config.get("attn_implementation", "flash_attention_2") == (
        "flash_attention_2" if packed else "sdpa"
    )


def test_without_flash_attention_no_episode_is_spread_over_devices(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settings, "has_flash_attention", lambda: False)
    with pytest.raises(ConfigError, match=r"cluster\.sequence_parallel: 2 .*flash-attn.* set it to 1"):
        settings.verl_config(recipe("cluster.platform=cuda", "cluster.sequence_parallel=2"), RUN)


def test_our_estimators_stand_beside_verls():
    assert told("algorithm.advantage=rloo")["algorithm.adv_estimator"] == "limner_rloo"
    assert told("algorithm.advantage=opo")["algorithm.adv_estimator"] == "opo"


def test_a_reference_model_is_asked_for_only_with_a_kl():
    assert told()["actor_rollout_ref.actor.use_kl_loss"] is False
    assert told("algorithm.kl=k2")["actor_rollout_ref.actor.kl_loss_type"] == "k2"


def test_micro_batches_divide_a_mini_batch():
    key = "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu"
    assert told("algorithm.prompts=4", "algorithm.group=3", "algorithm.micro_batch=8")[key] == 6
    assert told("algorithm.prompts=5", "algorithm.group=1", "algorithm.micro_batch=4")[key] == 1


def test_the_pass_through_wins():
    verl = settings.verl_config(recipe("algorithm.lr=0.5", "verl.actor_rollout_ref.actor.optim.lr=0.25"), RUN)
    assert verl.actor_rollout_ref.actor.optim.lr == 0.25


def test_a_mistyped_pass_through_is_taught():
    with pytest.raises(ConfigError, match=r"verl\.actor_rollout_ref\.actor\.gradclip: .*did you mean 'grad_clip'"):
        settings.verl_config(recipe("verl.actor_rollout_ref.actor.gradclip=1"), RUN)


@pytest.mark.parametrize(
    ("change", "only"),
    [("actor.strategy=fsdp", "'fsdp2'"), ("model.use_fused_kernels=true", "False"), ("rollout.top_k=20", "-1")],
)
def test_what_engine_and_players_cannot_do_otherwise_is_not_passed_by(change: str, only: str):
    key, _, asked = change.partition("=")
    told = rf"verl\.actor_rollout_ref\.{key}: .*{asked}.*only {only} here; leave it out"
    with pytest.raises(ConfigError, match=f"(?i){told}"):
        settings.verl_config(recipe(f"verl.actor_rollout_ref.{change}"), RUN)


APART = ("cluster.platform=cuda", "cluster.mode=separate_async", "rollout.backend=vllm", "algorithm.prompts=8")
PLACED = (
    "verl.actor_rollout_ref.rollout.nnodes=1",
    "verl.actor_rollout_ref.rollout.checkpoint_engine.backend=nccl",
)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (PLACED[1:], r"cluster\.mode: .* how many nodes these are with verl\.actor_rollout_ref\.rollout\.nnodes"),
        (PLACED[:1], r"cluster\.mode: .* how weights get there .*rollout\.checkpoint_engine\.backend"),
        ((*PLACED, "cluster.offload=true", "algorithm.mini_batch=2"), r"cluster\.offload: .* set it to false, or"),
    ],
)
def test_what_servers_with_devices_of_their_own_want_is_told(changes: tuple[str, ...], told: str):
    with pytest.raises(ConfigError, match=told):
        settings.verl_config(recipe(*APART, *changes), RUN)


def test_servers_with_devices_of_their_own_get_weights_after_as_many_gradients_as_a_step_has():
    for mini_batch, gradients in ((2, 4), (8, 1)):
        verl = settings.verl_config(recipe(*APART, *PLACED, f"algorithm.mini_batch={mini_batch}"), RUN)
        assert verl.trainer.v1.separate_async.parameter_sync_step == gradients
        assert verl.data.train_batch_size == gradients * verl.actor_rollout_ref.actor.ppo_mini_batch_size


def test_parts_of_verl_that_take_any_key_take_any_key():
    change = "verl.actor_rollout_ref.rollout.engine_kwargs.vllm.swap_space=2"
    assert settings.verl_config(recipe(change), RUN).actor_rollout_ref.rollout.engine_kwargs.vllm.swap_space == 2


def test_cuda_gets_none_of_the_settings_for_two_cores():
    assert not settings.ON_CPU.keys() & told("cluster.platform=cuda").keys()


def test_the_table_is_read_without_verl_torch_or_ray():
    code = (
        "import sys; from pathlib import Path; from framework.recipe import find_recipe;"
        "from framework.train.settings import verl_config;"
        f"verl_config(find_recipe({PEEK!r}), Path('runs/peek'));"
        "print([name for name in ('verl', 'torch', 'ray') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_vllm_leaves_pictures_as_large_as_they_are():
    key = "actor_rollout_ref.rollout.engine_kwargs.vllm.mm_processor_kwargs"
    assert told("rollout.backend=vllm", "cluster.platform=cuda")[key] == {"do_resize": False}
    assert key not in told()


def test_vllm_on_a_cpu_has_a_worker_that_takes_weights_again():
    gets = settings.verl_config(recipe("rollout.backend=vllm"), RUN, "model").actor_rollout_ref.rollout
    assert gets.engine_kwargs.vllm.worker_extension_cls == "framework.train.vllm_cpu.Extension"
    assert gets.max_num_batched_tokens == gets.max_model_len, "without chunks a prompt must fit at once"
    assert "enable_sleep_mode" not in told("rollout.backend=vllm", "cluster.platform=cuda")


def test_verl_lets_engine_settings_choose_the_worker():
    found = importlib.util.find_spec("verl")
    assert found
    assert found.submodule_search_locations
    server = Path(found.submodule_search_locations[0]) / "workers" / "rollout" / "vllm_rollout" / "vllm_async_server.py"
    _, _, after = server.read_text().partition('"worker_extension_cls": self._get_worker_extension_cls()')
    assert "**engine_kwargs" in after.partition("}\n")[0]
