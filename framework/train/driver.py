"""The process that verl's trainer runs in; launch.py starts it, with LIMNER_RUN set.

verl has a Ray actor for its trainer; here it runs in the driver, which saves a process and seconds of boot.
"""

import os
import signal
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import FrameType, ModuleType
from typing import Any

from framework.errors import LimnerError, TrainError
from framework.recipe import Recipe
from framework.train.reason import reason
from framework.train.run import Run
from framework.train.settings import verl_config
from framework.training import Cluster

FAILED = 3
"""Exit status when limner itself refuses to go on; its reason is in Run.reason."""
PASSED_ON = ("LIMNER_", "VERL_", "VLLM_", "TQ_", "OMP_", "HF_", "PYTHONPATH", "TOKENIZERS_", "RAY_DEDUP")
"""Beginnings of variables that every Ray process gets, on whichever node."""
FOR_ITS_OWN = ("num_cpus", "num_gpus", "resources", "labels", "object_store_memory", "include_dashboard")
"""What Ray is told when it starts, and refuses to hear when it runs already."""
CPUS = 3
"""Of Ray's, that verl asks for beside each device."""
PATIENCE_S = 600.0
"""Seconds in which all nodes of a cluster should have joined."""
STARTS = 3
"""Ray gives its own processes seconds to come up, which may be too few on a busy machine: how often it is tried."""


def main() -> int:
    signal.signal(signal.SIGTERM, _stop)
    run = Run.here()
    try:
        train(run)
    except LimnerError as error:
        print(f"\n{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        run.reason.write_text(reason(error))
        return FAILED
    return 0


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def train(run: Run) -> None:
    """Ray, TransferQueue, trainer, players, and verl's own loop over them."""
    import ray
    import transfer_queue as tq
    from omegaconf import OmegaConf

    from framework.train import server
    from framework.train.platform import assert_platform

    recipe = run.recipe
    assert_platform(recipe.cluster.platform)
    config = verl_config(recipe, run.home)
    config.transfer_queue.enable = True
    settings = ray_settings(config)
    with ThreadPoolExecutor(1) as aside:
        needed = aside.submit(imported, recipe)  # imported while Ray starts: each takes seconds
        up(settings)
        gathered(recipe.cluster, PATIENCE_S if joins(settings) else 0.0)
        OmegaConf.resolve(config)
        _servers = server.early(recipe, config.actor_rollout_ref.rollout)  # held, or they end
        tq.init(config.transfer_queue)
    try:
        trainers, agent_loop = needed.result()
        checked(config)
        _players = agent_loop.early(recipe, config)
        fit(config, trainers, agent_loop.Players)
    finally:
        tq.close()
        ray.shutdown()


def ray_settings(config: Any) -> dict[str, Any]:
    """verl's, with our variables for every process. What a cluster that runs already has is not for us to say."""
    from omegaconf import OmegaConf
    from verl.trainer.constants_ppo import get_ppo_ray_runtime_env

    asked: dict[str, Any] = OmegaConf.to_container(config.ray_kwargs.ray_init, resolve=True)  # pyright: ignore[reportAssignmentType]
    environment = get_ppo_ray_runtime_env(config)
    ours = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
    given = {name: value for name, value in (asked.get("runtime_env") or {}).items() if value is not None}
    told = {name: str(value) for name, value in given.pop("env_vars", {}).items()}
    environment["env_vars"] |= ours | {"TRANSFER_QUEUE_ENABLE": "1"} | told
    os.environ["TRANSFER_QUEUE_ENABLE"] = "1"
    asked |= {"runtime_env": environment | given}
    if joins(asked):
        return {name: value for name, value in asked.items() if name not in FOR_ITS_OWN}
    if asked.get("num_gpus") is not None:
        asked["address"] = "local"  # or Ray joins whatever cluster was last started on this machine
    return asked


def up(settings: Mapping[str, Any]) -> None:
    """Start Ray, or join it."""
    import ray

    for _ in range(STARTS):
        try:
            ray.init(**settings)
            return
        except Exception as error:  # Ray has no type for it
            if "timed out during startup" not in str(error):
                raise
    raise TrainError(f"Ray did not come up on this machine in {STARTS} tries; is it busy with other things?")


def joins(settings: Mapping[str, Any]) -> bool:
    """Does a cluster run already, which the driver joins?"""
    return (settings.get("address") or os.environ.get("RAY_ADDRESS") or "local") != "local"


def gathered(cluster: Cluster, patience_s: float) -> None:
    """Wait until every node has joined: where a cluster starts with the run, they come one by one. verl wants all
    devices of a node from one machine, and would wait for ever where none has so many."""
    import ray

    wanted = {"GPU": cluster.gpus_per_node, "CPU": CPUS * cluster.gpus_per_node}
    until = time.monotonic() + patience_s
    while True:
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        there = [{name: int(has.get(name, 0)) for name in wanted} for has in nodes]
        if sum(min(has[name] // count for name, count in wanted.items()) for has in there) >= cluster.nodes:
            return
        if time.monotonic() > until:
            said = ", ".join(f"{has['GPU']} and {has['CPU']}" for has in there)
            raise TrainError(
                f"cluster: nodes={cluster.nodes} with gpus_per_node={cluster.gpus_per_node} take {wanted['GPU']} "
                f"devices and {wanted['CPU']} CPUs of each, and Ray's nodes have {said}; start Ray on more (`ray start "
                "--address=…`), or ask for fewer (CPUs are what Ray is told: --num-cpus, ray_init.num_cpus)"
            )
        time.sleep(1)


def imported(recipe: Recipe) -> tuple[Mapping[str, Any], ModuleType]:
    """The trainers by their modes, and the module of players."""
    from framework.train import agent_loop

    if recipe.drawing:
        from framework.train.drawing.trainer import DRAWING_TRAINERS as TRAINERS
    else:
        from framework.train.trainer import TRAINERS
    return TRAINERS, agent_loop


def checked(config: Any) -> None:
    """verl's own check of its settings."""
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config

    validate_config(config, use_reference_policy=need_reference_policy(config), use_critic=need_critic(config))


def fit(config: Any, trainers: Mapping[str, Any], players: Any) -> None:
    trainer: Any = trainers[config.trainer.v1.trainer_mode](config)
    try:
        trainer.init()
        trainer.fit(
            players.create(
                config=config,
                llm_client=trainer.get_llm_client(),
                teacher_client=trainer.get_teacher_client(),
                reward_loop_worker_handles=None,
            )
        )
    finally:
        if hasattr(trainer, "logger"):
            trainer.logger.finish()


if __name__ == "__main__":
    sys.exit(main())
