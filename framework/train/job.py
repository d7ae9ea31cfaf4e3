"""A run as a cluster takes it: something that starts Ray on every node, then `limner train` on the first.

    recipe.cluster ─▶ Job ─┬▶ slurm     a batch script: srun ray start …, limner train
                           ├▶ kuberay   a RayJob: a pod for each node, limner train as its entrypoint
                           └▶ here      the same script for one machine, a `ray start` for every node: a rehearsal

Whoever runs it again goes on from the last checkpoint, so both may be started as often as it takes.
"""

import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from framework.training import Cluster

PORT = 26379
"""Where Ray's head listens; not its usual place, so that a cluster that is there already is left alone."""
SLOTS = 16
"""CPUs that a node of the cpu platform says it has: places for processes, more than there are cores."""
WARNED_S = 120
"""Seconds before its time is up in which a Slurm job is told so."""
RETRIES = 3
"""How often KubeRay starts a run again."""
SHARED = "/shared"
"""Where pods see the folder that they share, usually."""
LONGEST = 47
"""Letters in the name of a RayJob, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is run, and on how much."""

    name: str
    command: Sequence[str]
    """limner train …, in words."""
    cluster: Cluster

    @property
    def label(self) -> str:
        """The name as clusters want it."""
        return re.sub(r"[^a-z0-9]+", "-", f"limner-{self.name}".lower())[:LONGEST].strip("-")

    @property
    def on_gpus(self) -> bool:
        return self.cluster.platform == "cuda"

    @property
    def resources(self) -> dict[str, str]:
        """What each node tells Ray that it has."""
        slots = {} if self.on_gpus else {"num-cpus": str(SLOTS)}
        return {"num-gpus": str(self.cluster.gpus_per_node), **slots}


# ---- scripts ---------------------------------------------------------------------------------------------------------


def slurm(job: Job, folder: Path, asked: dict[str, str]) -> str:
    """A batch script. `asked` is what sbatch is told besides: account, partition, time."""
    wanted = {
        "job-name": job.label,
        "nodes": str(job.cluster.nodes),
        "ntasks-per-node": "1",
        **({"gpus-per-node": str(job.cluster.gpus_per_node)} if job.on_gpus else {}),
        "mem": "0",
        **asked,
    }
    flags = ["exclusive", "requeue", "open-mode=append", f"signal=B:TERM@{WARNED_S}"]
    others = job.cluster.nodes - 1
    step = "srun --nodes={0} --ntasks={0} --cpu-bind=none {1}=$SLURMD_NODENAME"
    lines = [
        "#!/bin/bash",
        *(f"#SBATCH --{name}={value}" for name, value in wanted.items()),
        *(f"#SBATCH --{flag}" for flag in flags),
        *_began(folder),
        *_gathered(job, step.format(1, "--nodelist"), [step.format(others, "--exclude")] if others else []),
        "# Told that its time is up, it stops at the last checkpoint and waits in the queue to go on from there.",
        *_waited('scontrol requeue "$SLURM_JOB_ID"; exit'),
    ]
    return "\n".join(lines) + "\n"


def here(job: Job, folder: Path) -> str:
    """The same for this machine alone."""
    lines = ["#!/bin/bash", *_began(folder), *_gathered(job, "", [""] * (job.cluster.nodes - 1)), *_waited("")]
    return "\n".join(lines) + "\n"


def _began(folder: Path) -> Iterator[str]:
    """Where it runs, and how it ends."""
    yield ""
    yield "set -eu"
    yield f"cd {shlex.quote(str(folder))}"
    yield f'export PATH={shlex.quote(str(Path(sys.prefix) / "bin"))}:"$PATH" RAY_USAGE_STATS_ENABLED=0'
    yield "trap 'kill $(jobs -p) 2>/dev/null' EXIT"


def _gathered(job: Job, first: str, others: Sequence[str]) -> Iterator[str]:
    """Ray on every node, each `ray start` behind the words that bring it there, and the run."""
    has = " ".join(f"--{name}={value}" for name, value in job.resources.items())
    yield ""
    yield "# Whoever knows this run's token may join its cluster, and nobody else."
    yield "RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')"
    yield "export RAY_AUTH_MODE=token RAY_AUTH_TOKEN"
    yield f"address=$(python -c 'import ray; print(ray.util.get_node_ip_address())'):{PORT}"
    yield ""
    yield f"{first} ray start --head --port={PORT} {has} --block &".lstrip()
    yield "head=$!"
    yield 'until ray status --address="$address" >/dev/null 2>&1; do kill -0 "$head"; sleep 2; done'
    for other in others:
        yield f'{other} ray start --address="$address" {has} --block &'.lstrip()
    yield ""
    yield f'RAY_ADDRESS="$address" {shlex.join(job.command)} &'
    yield "train=$!"


def _waited(farewell: str) -> Iterator[str]:
    """Until it is done; if it is stopped, it takes its leave."""
    yield f'stop() {{ kill -TERM "$train"; wait "$train" || true; {farewell or "exit 130"}; }}'
    yield "trap stop INT TERM"
    yield 'wait "$train"'


# ---- Kubernetes ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Pods:
    """What the pods of a RayJob are made of."""

    image: str
    """Has this project and what it needs, with `limner` and `ray` on its PATH."""
    claim: str
    """The volume claim of a folder that every pod sees."""
    shared: str
    """Where it is mounted."""
    limits: tuple[tuple[str, str], ...] = ()
    """What each pod gets besides its GPUs: cpu, memory."""


def kuberay(job: Job, pods: Pods) -> dict[str, Any]:
    """A manifest, to be applied as yaml."""
    others = job.cluster.nodes - 1
    head = {"rayStartParams": {**job.resources, "dashboard-host": "0.0.0.0"}, "template": _pod(job, pods, "head")}
    workers = {
        "groupName": "workers",
        "replicas": others,
        "minReplicas": others,
        "maxReplicas": others,
        "rayStartParams": job.resources,
        "template": _pod(job, pods, "worker"),
    }
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": {"name": job.label},
        "spec": {
            "entrypoint": shlex.join(job.command),
            "backoffLimit": RETRIES,
            "shutdownAfterJobFinishes": True,
            "rayClusterSpec": {
                "rayVersion": version("ray"),
                "headGroupSpec": head,
                **({"workerGroupSpecs": [workers]} if others else {}),
            },
        },
    }


def _pod(job: Job, pods: Pods, role: str) -> dict[str, Any]:
    gpus = {"nvidia.com/gpu": job.cluster.gpus_per_node} if job.on_gpus else {}
    has = {**gpus, **dict(pods.limits)}
    kept = {"LIMNER_CACHE": f"{pods.shared}/cache", "HF_HOME": f"{pods.shared}/huggingface"}
    container = {
        "name": role,
        "image": pods.image,
        "env": [{"name": name, "value": value} for name, value in kept.items()],
        "resources": {"limits": has, "requests": dict(has)},
        "volumeMounts": [{"name": "shared", "mountPath": pods.shared}, {"name": "shm", "mountPath": "/dev/shm"}],
    }
    volumes = [
        {"name": "shared", "persistentVolumeClaim": {"claimName": pods.claim}},
        {"name": "shm", "emptyDir": {"medium": "Memory"}},  # or Ray's object store has the usual 64 MiB
    ]
    return {"spec": {"containers": [container], "volumes": volumes}}
