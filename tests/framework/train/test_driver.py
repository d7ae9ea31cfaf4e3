import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from framework.errors import TrainError
from framework.recipe import find_recipe
from framework.train import settings
from framework.train.driver import STARTS, gathered, joins, ray_settings, up
from framework.train.launch import environment, launched
from framework.train.run import Run
from framework.train.settings import verl_config
from framework.training import Cluster

PEEK = Path(__file__).parent / "peek"
RECIPE = find_recipe(str(PEEK / "peek.yaml"))


@pytest.mark.parametrize("name", ["VLLM_CPU_KVCACHE_SPACE", "HF_HOME", "VERL_LOGGING_LEVEL"])
def test_what_a_person_has_set_reaches_every_process(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRANSFER_QUEUE_ENABLE", "1")  # which is set for good otherwise
    monkeypatch.setenv(name, "4")
    config = verl_config(RECIPE, Path("runs/peek"), "model")
    assert ray_settings(config)["runtime_env"]["env_vars"][name] == "4"


def test_variables_of_a_recipes_own_stand_beside_ours(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRANSFER_QUEUE_ENABLE", "1")
    monkeypatch.setenv("LIMNER_RUN", "here")
    recipe = find_recipe(str(PEEK / "peek.yaml"), ["verl.ray_kwargs.ray_init.runtime_env.env_vars.NCCL_IB_DISABLE=1"])
    told = ray_settings(verl_config(recipe, Path("runs/peek"), "model"))["runtime_env"]["env_vars"]
    assert (told["LIMNER_RUN"], told["NCCL_IB_DISABLE"]) == ("here", "1")


@pytest.mark.parametrize(
    ("there", "told"),
    [
        ([(4, 32), (4, 32)], "8 devices and 24 CPUs of each, and Ray's nodes have 4 and 32, 4 and 32"),
        ([(8, 16)], "have 8 and 16"),
        ([(0, 4), (8, 24)], None),
    ],
)
def test_what_verl_wants_of_a_node_is_there_before_it_waits_for_it(
    there: list[tuple[int, int]], told: str | None, monkeypatch: pytest.MonkeyPatch
):
    nodes = [{"Alive": True, "Resources": {"GPU": float(gpus), "CPU": float(cpus)}} for gpus, cpus in there]
    monkeypatch.setattr("ray.nodes", lambda: [*nodes, {"Alive": False, "Resources": {"GPU": 8.0, "CPU": 99.0}}])
    with pytest.raises(TrainError, match=told) if told else nullcontext():
        gathered(Cluster(nodes=1, gpus_per_node=8), 0.0)


def test_a_refusal_is_told_by_whoever_started_the_run(tmp_path: Path):
    run = Run(tmp_path)
    run.begin(RECIPE)
    env = environment(RECIPE, run, "model", PEEK)
    del env["VERL_PLATFORM"]
    with pytest.raises(TrainError, match=r"\(exit 3\)\ncluster\.platform: verl runs on 'cuda', not 'cpu'") as stopped:
        launched(run, 1, (sys.executable, "-m", "framework.train.driver"), env)
    assert "Traceback" not in str(stopped.value)


def test_a_cluster_that_runs_is_joined_and_not_told_what_it_has(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRANSFER_QUEUE_ENABLE", "1")
    config = verl_config(RECIPE, Path("runs/peek"), "model")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    alone = ray_settings(config)
    assert (alone["address"], alone["num_gpus"], joins(alone)) == ("local", 1, False)
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    joined = ray_settings(config)
    assert joins(joined)
    assert not joined.keys() & {"address", "num_cpus", "num_gpus", "include_dashboard"}
    assert joined["runtime_env"] == alone["runtime_env"]


@pytest.mark.parametrize(("late", "told"), [(STARTS - 1, None), (STARTS, "did not come up on this machine in 3 tries")])
def test_ray_that_was_too_slow_to_start_is_started_again(late: int, told: str | None, monkeypatch: pytest.MonkeyPatch):
    starts = iter([Exception("The current node timed out during startup. This could happen because")] * late)

    def init(**settings: str) -> None:
        asked.append(settings)
        if slow := next(starts, None):
            raise slow

    asked: list[dict[str, str]] = []
    monkeypatch.setattr("ray.init", init)
    with pytest.raises(TrainError, match=told) if told else nullcontext():
        up({"address": "local"})
    assert asked == [{"address": "local"}] * STARTS


def test_what_else_ray_refuses_is_not_asked_twice(monkeypatch: pytest.MonkeyPatch):
    def init(**settings: str) -> None:
        raise ConnectionError("no cluster answers")

    monkeypatch.setattr("ray.init", init)
    with pytest.raises(ConnectionError):
        up({})


def test_episodes_that_are_spread_over_devices_are_so_in_both_of_verls_engines(monkeypatch: pytest.MonkeyPatch):
    from omegaconf import OmegaConf
    from verl.utils.config import omega_conf_to_dataclass

    monkeypatch.setattr(settings, "has_flash_attention", lambda: True)
    changes = [
        "cluster.platform=cuda",
        "cluster.gpus_per_node=4",
        "cluster.sequence_parallel=2",
        "cluster.offload=true",
    ]
    config = verl_config(find_recipe(str(PEEK / "peek.yaml"), changes), Path("runs/peek"), "model")
    actor, ref = config.actor_rollout_ref.actor, config.actor_rollout_ref.ref
    OmegaConf.set_struct(config, False)
    for key in [key for key in ref if key.startswith("log_prob_")]:
        ref[key.replace("log_prob", "ppo")] = ref.pop(key)  # as verl's workers do
    ref.use_dynamic_bsz, ref.ppo_mini_batch_size = ref.pop("ppo_use_dynamic_bsz"), actor.ppo_mini_batch_size
    for engine in (omega_conf_to_dataclass(actor).engine, omega_conf_to_dataclass(ref).engine):
        assert (engine.ulysses_sequence_parallel_size, engine.param_offload, engine.strategy) == (2, True, "fsdp2")
