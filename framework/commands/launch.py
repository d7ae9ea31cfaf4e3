"""limner launch: a run on a cluster, as a Slurm script or a KubeRay manifest made of what the recipe says of it."""

import argparse
import re
import sys
from pathlib import Path

from framework.commands import takes_recipe, the_recipe
from framework.errors import UserError
from framework.files import on_disk
from framework.recipe import Recipe
from framework.train import job
from framework.train.job import SHARED, Job, Pods
from framework.training import STAGES

OPTIONS = {
    "slurm": ("account", "partition", "time"),
    "kuberay": ("image", "claim", "shared", "cpu", "memory"),
    "here": (),
}
"""What may be said for each way besides."""
STARTS = {"slurm": "sbatch", "kuberay": "kubectl create -f", "here": "bash"}


def arguments(parser: argparse.ArgumentParser) -> None:
    takes_recipe(parser)
    parser.add_argument(
        "--on", choices=OPTIONS, required=True, help="who starts it; here: a rehearsal, on this machine"
    )
    parser.add_argument("--out", metavar="FILE", type=Path, help="where it is written; shown if not said")
    parser.add_argument("--run", metavar="DIR", help="the folder of the run, which every node must see; runs/RECIPE")
    parser.add_argument("--stage", choices=STAGES, help="only this stage")
    for name in OPTIONS["slurm"]:
        kind = lasting if name == "time" else str
        parser.add_argument(f"--{name}", type=kind, help=f"slurm: as sbatch's own --{name}")
    parser.add_argument("--image", help="kuberay: a container image with limner and ray on its PATH")
    parser.add_argument("--claim", help="kuberay: the volume claim of a folder that every pod sees")
    parser.add_argument("--shared", metavar="DIR", help=f"kuberay: where that is mounted; {SHARED} if not said")
    parser.add_argument("--cpu", help="kuberay: cores of each pod")
    parser.add_argument("--memory", help="kuberay: memory of each pod, as 512Gi")


def lasting(text: str) -> str:
    """How long a job may take, as Slurm reads it."""
    if not re.fullmatch(r"\d+(:\d+){0,2}|\d+-\d+(:\d+){0,2}", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no length of time to Slurm; say 90 (minutes), 8:00:00 or 2-12:00"
        )
    return text


def run(said: argparse.Namespace) -> int:
    recipe = the_recipe(said)
    text = {"slurm": _slurm, "kuberay": _kuberay, "here": _here}[said.on](recipe, said, _options(said))
    if said.out is None:
        sys.stdout.write(text)
        return 0
    with on_disk(said.out):
        said.out.parent.mkdir(parents=True, exist_ok=True)
        said.out.write_text(text)
    print(f"limner: {said.out} is written; {STARTS[said.on]} {said.out} starts it")
    return 0


def _options(said: argparse.Namespace) -> dict[str, str]:
    """What was said for this way; what is for another is refused."""
    given = {name: way for way, names in OPTIONS.items() for name in names if getattr(said, name)}
    for name, way in given.items():
        if way != said.on:
            raise UserError(f"launch: --{name} is for --on {way}, not for --on {said.on}; take it out")
    return {name: getattr(said, name) for name in given}


def _job(recipe: Recipe, said: argparse.Namespace, folder: str | None) -> Job:
    stage = ["--stage", said.stage] if said.stage else []
    out = ["--out", folder] if folder else []
    return Job(
        name=recipe.name,
        command=("limner", "train", said.recipe, *said.changes, *stage, *out),
        cluster=recipe.cluster,
    )


def _slurm(recipe: Recipe, said: argparse.Namespace, given: dict[str, str]) -> str:
    return job.slurm(_job(recipe, said, said.run), Path.cwd(), given)


def _here(recipe: Recipe, said: argparse.Namespace, given: dict[str, str]) -> str:
    if recipe.cluster.platform != "cpu":
        raise UserError("cluster.platform: --on here rehearses on the CPU; set cluster.platform=cpu")
    return job.here(_job(recipe, said, said.run), Path.cwd())


def _kuberay(recipe: Recipe, said: argparse.Namespace, given: dict[str, str]) -> str:
    import yaml

    for name, example in (("image", "registry/limner:1"), ("claim", "limner-data")):
        if name not in given:
            raise UserError(f"launch: --{name}: must be given with --on kuberay, as --{name} {example}")
    shared = given.get("shared", SHARED)
    limits = tuple((name, given[name]) for name in ("cpu", "memory") if name in given)
    pods = Pods(image=given["image"], claim=given["claim"], shared=shared, limits=limits)
    manifest = job.kuberay(_job(recipe, said, said.run or f"{shared}/runs/{recipe.name}"), pods)
    return yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True)
