"""What a cluster is handed: held to the schema of a RayJob, to bash, and to a Slurm that is a few lines long."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from framework.cli import main

SCHEMA = yaml.safe_load((Path(__file__).parent / "rayjob.yaml").read_text())
GPUS = ("cluster.platform=cuda", "cluster.gpus_per_node=8")
IMAGE = ("--image", "lab/limner:1", "--claim", "data")


def written(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(["launch", "quickstart", *argv]) == 0
    return capsys.readouterr().out


def manifest(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, Any]:
    return yaml.safe_load(written(capsys, "--on", "kuberay", *IMAGE, *argv))


# ---- Kubernetes ------------------------------------------------------------------------------------------------------


LONG = "name=My_lab/A very long name of more than forty-seven letters!"


@pytest.mark.parametrize(("nodes", "changes"), [(1, ()), (2, GPUS), (64, (*GPUS, LONG))])
def test_a_manifest_is_a_rayjob(capsys: pytest.CaptureFixture[str], nodes: int, changes: tuple[str, ...]) -> None:
    made = manifest(capsys, f"cluster.nodes={nodes}", *changes)
    jsonschema.validate(made, SCHEMA)
    groups = made["spec"]["rayClusterSpec"].get("workerGroupSpecs", [])
    assert 1 + sum(group["replicas"] for group in groups) == nodes


@pytest.mark.parametrize("wrong", ["spec.replicas", "spec.rayClusterSpec.headGroupSpec.template.spec.image"])
def test_the_schema_refuses_what_no_rayjob_has(capsys: pytest.CaptureFixture[str], wrong: str) -> None:
    made = manifest(capsys)
    *path, last = wrong.split(".")
    place = made
    for step in path:
        place = place[step]
    place[last] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(made, SCHEMA)


def test_every_pod_has_its_gpus_the_shared_folder_and_room_for_the_object_store(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = manifest(capsys, "cluster.nodes=3", *GPUS, "--shared", "/data", "--memory", "512Gi")
    cluster = made["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert group["rayStartParams"]["num-gpus"] == "8"
        [container] = group["template"]["spec"]["containers"]
        assert container["resources"]["limits"] == {"nvidia.com/gpu": 8, "memory": "512Gi"}
        assert {each["mountPath"] for each in container["volumeMounts"]} == {"/data", "/dev/shm"}
        assert {"name": "LIMNER_CACHE", "value": "/data/cache"} in container["env"]
    assert shlex.split(made["spec"]["entrypoint"])[-2:] == ["--out", "/data/runs/quickstart"]
    assert "&id" not in yaml.safe_dump(made)


# ---- Slurm -----------------------------------------------------------------------------------------------------------


def directives(script: str) -> dict[str, str]:
    found = [line.removeprefix("#SBATCH --").partition("=") for line in script.splitlines() if "#SBATCH" in line]
    return {name: value for name, _, value in found}


def test_slurm_is_asked_for_what_the_recipe_says(capsys: pytest.CaptureFixture[str]) -> None:
    script = written(capsys, "--on", "slurm", "cluster.nodes=4", *GPUS, "--time", "8:00:00", "--account", "lab")
    asked = directives(script)
    assert (asked["nodes"], asked["gpus-per-node"], asked["time"], asked["account"]) == ("4", "8", "8:00:00", "lab")
    assert "requeue" in asked
    assert "partition" not in asked
    top, _, rest = script.partition("\n\n")
    assert all(line.startswith("#") for line in top.splitlines()), "sbatch reads no further than the first command"
    assert "#SBATCH" not in rest
    assert "srun --nodes=3 --ntasks=3" in script
    assert "gpus-per-node" not in directives(written(capsys, "--on", "slurm"))


@pytest.mark.parametrize("way", ["slurm", "here"])
@pytest.mark.parametrize("nodes", [1, 3])
def test_bash_reads_the_script(capsys: pytest.CaptureFixture[str], way: str, nodes: int) -> None:
    script = written(capsys, "--on", way, f"cluster.nodes={nodes}", "reasoner.path='my models/it''s one'")
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    assert len(re.findall(r"ray start --(?:head|address)", script)) == (nodes if way == "here" else min(nodes, 2))


PROGRAMS = {
    "srun": 'while [[ $1 == --* ]]; do shift; done; exec "$@"',
    "scontrol": "",
    "python": "echo 10.0.0.1",
    "ray": '[[ $1 == start ]] && exec sleep 60; [[ -e $HERE/asked ]] || { touch "$HERE/asked"; exit 1; }',
    "limner": """
        trap "exit 130" TERM
        echo "RAY_ADDRESS $RAY_ADDRESS" >> "$HERE/said"
        for _ in $(seq $LASTS); do sleep 0.1; done
        exit 7
    """,
}


def begun(folder: Path, script: str, lasts: int) -> "subprocess.Popen[str]":
    """A script under way, where srun runs on this machine and every program notes that it was called."""
    for name, does in PROGRAMS.items():
        program = folder / name
        program.write_text(f'#!/bin/bash\necho "{name} $*" >> "$HERE/said"\n{does}\n')
        program.chmod(0o755)
    usual = Path(sys.prefix) / "bin"
    script = script.replace(f"PATH={usual}", f"PATH={folder}:{usual}").replace("sleep 2", "sleep 0.1")
    told = {"HERE": str(folder), "SLURMD_NODENAME": "n1", "SLURM_JOB_ID": "17", "LASTS": str(lasts)}
    return subprocess.Popen(["bash", "-c", script], env=os.environ | told, text=True, stderr=subprocess.PIPE)


def said(folder: Path) -> list[str]:
    return (folder / "said").read_text().splitlines() if (folder / "said").exists() else []


def test_the_script_starts_ray_everywhere_and_ends_as_the_run_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = begun(tmp_path, written(capsys, "--on", "slurm", "cluster.nodes=3", "seed=3"), lasts=10)
    assert job.wait(30) == 7, job.communicate()
    lines = said(tmp_path)
    starts = [line for line in lines if line.startswith("ray start")]
    assert [("--head" in line, "--address=10.0.0.1:26379" in line) for line in starts] == [(True, False), (False, True)]
    assert [line for line in lines if line.startswith("srun")][1].startswith("srun --nodes=2 --ntasks=2")
    assert lines.index("limner train quickstart cluster.nodes=3 seed=3") > lines.index(starts[0])
    assert sum(line.startswith("ray status") for line in lines) == 2, "once too early"
    assert "RAY_ADDRESS 10.0.0.1:26379" in lines
    assert not [line for line in lines if line.startswith("scontrol")]


def test_a_job_whose_time_is_up_stops_its_run_and_queues_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = begun(tmp_path, written(capsys, "--on", "slurm"), lasts=300)
    until = time.monotonic() + 30
    while not any("RAY_ADDRESS" in line for line in said(tmp_path)):
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(0.2)
    job.send_signal(signal.SIGTERM)
    assert job.wait(30) == 0, job.communicate()
    assert said(tmp_path)[-1] == "scontrol requeue 17"


# ---- the command -----------------------------------------------------------------------------------------------------


def test_a_file_is_written_and_how_to_start_it_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "jobs" / "one.sh"
    assert f"{path} is written; sbatch {path} starts it" in written(capsys, "--on", "slurm", "--out", str(path))
    assert path.read_text().startswith("#!/bin/bash\n#SBATCH --job-name=limner-quickstart\n")


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--on", "kuberay"], "launch: --image: must be given with --on kuberay, as --image registry/limner:1"),
        (["--on", "slurm", "--claim", "x"], "launch: --claim is for --on kuberay, not for --on slurm; take it out"),
        (["--on", "here", *GPUS], "cluster.platform: --on here rehearses on the CPU; set cluster.platform=cpu"),
        (["--on", "moon"], "invalid choice: 'moon'"),
        (["--on", "slurm", "--time", "tomorrow"], "argument --time: 'tomorrow' is no length of time to Slurm; say 90"),
        ([], "--on"),
    ],
)
def test_what_will_not_do_is_told(argv: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["launch", "quickstart", *argv]) == 2
    assert told in capsys.readouterr().err
