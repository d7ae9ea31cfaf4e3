"""limner rehearse: a recipe of real size, for two steps, before its model or its data are there: does it fit, how fast?

    recipe ─▶ random weights of the same architecture, clips of the lab shown as large as may be, one GPU ─▶ two steps

A random model mostly talks until it is cut off, so a step is about as long as it can get. It says [SEG] as often as any
other of the lab's few words, about once in a thousand tokens.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from rich.table import Table

from framework.commands import console, takes_out, takes_recipe, written_to
from framework.config import Settings, layers
from framework.cookbook import locate
from framework.errors import TrainError
from framework.lab.full import MODELS, WORDS, random_weights
from framework.recipe import Recipe, find_recipe
from framework.registry import find, name_of
from framework.vision.plan import Look

S = TypeVar("S", bound=Settings)
CLIPS = "{use: lab, level: film}"
PAINTERS = ("drawing.decoder", "segmenter", "propagator")
"""Where a recipe may name a SAM 2."""
SMALL = (
    "cluster.platform=cpu",
    "cluster.gradient_checkpointing=false",
    "rollout.backend=transformers",
    "rollout.reply_tokens=96",
    "algorithm.prompts=2",
)
"""What two cores can do."""
FIGURES = {
    "a step": "time/step_s",
    "generating": "time/generate_s",
    "log-probs": "time/logprob_s",
    "reference": "time/reference_s",
    "update": "time/update_s",
    "outside": "time/outside_s",
    "GPU memory, most": "memory_gb",
    "tokens": "tokens",
    "episodes": "episodes/count",
    "[SEG] tokens": "drawing/tokens",
    "frames drawn on": "drawing/spots",
    "frames encoded": "drawing/encoded",
}
"""What is told of a step, and what metrics.jsonl calls it."""


def arguments(parser: argparse.ArgumentParser) -> None:
    takes_recipe(parser)
    takes_out(parser, "runs/RECIPE/rehearsal")
    parser.add_argument("--model", help=f"one of {', '.join(MODELS)}; by the recipe's own name if not said")
    parser.add_argument("--small", action="store_true", help="narrow and shallow, on this machine's processor")


def run(said: argparse.Namespace) -> int:
    from framework.train.launch import train_rl
    from framework.train.run import alone
    from framework.train.tracker import read

    recipe = rehearsal(said.recipe, said.changes, said.model, said.small)
    folder = written_to(said, recipe.name)
    try:
        with alone(folder):
            done = train_rl(recipe, folder, locate(said.recipe).parent, fresh=True)
    except TrainError as error:
        print(f"limner: {error}", file=sys.stderr)
        return 1
    console().print(shown(read(done.metrics, done.stage)))
    return 0


def rehearsal(name: str, changes: list[str], model: str | None = None, small: bool = False) -> Recipe:
    """The recipe with whatever it lacks; what a person changes wins."""
    tree = layers(locate(name))
    paths = ["reasoner.path", *(f"{place}.path" for place in PAINTERS if _paints(tree, place))]
    asked = [
        *(f"{path}=none" for path in paths),
        "data.root=none",
        f"data.train={CLIPS}",
        f"data.eval={CLIPS}",
        "cluster.nodes=1",
        "cluster.gpus_per_node=1",
        "cluster.tensor_parallel=1",
        "cluster.sequence_parallel=1",
        "stages.rl.steps=2",
        "stages.rl.save_every=2",
        *(SMALL if small else ()),
    ]
    draft = find_recipe(name, [*asked, *changes])  # weights are gigabytes: what is mistaken is told before
    models = [find(MODELS, model or usual(name, draft), "model"), *[MODELS["sam2_large"]] * (len(paths) - 1)]
    asked += [f"{path}={random_weights(each, small)}" for path, each in zip(paths, models, strict=True)]
    recipe = find_recipe(name, [*asked, *changes])
    told = " ".join(value for value in dict(recipe.env).values() if isinstance(value, str))
    known = tuple(dict.fromkeys((*recipe.reasoner.extra_tokens, *WORDS.findall(told))))
    reasoner = recipe.reasoner.model_copy(update={"extra_tokens": known})
    return recipe.model_copy(update={"reasoner": reasoner, "env": as_large_as_may_be(recipe.env)})


def usual(name: str, recipe: Recipe) -> str:
    """As videoseg_o3/2b, whose reasoner is a qwen3_vl, is a qwen3_vl_2b."""
    return f"{name_of(type(recipe.reasoner))}_{Path(name).stem}"


def _paints(tree: Mapping[str, Any], place: str) -> bool:
    node: Any = tree
    for step in (*place.split("."), "use"):
        node = cast(Mapping[str, Any], node).get(step) if isinstance(node, Mapping) else None
    return str(node).startswith("sam2")


def as_large_as_may_be(settings: S) -> S:
    """The lab's clips are small; their pictures become as large as those of films."""
    changed = dict[str, Any]()
    for name, value in settings:
        if isinstance(value, Look):
            changed[name] = value.model_copy(update={"min_pixels": value.max_pixels})
        elif isinstance(value, Settings):
            changed[name] = as_large_as_may_be(value)
    return settings.model_copy(update=changed)


def shown(steps: list[dict[str, Any]]) -> Table:
    table = Table("", *(f"step {line['step']}" for line in steps), box=None, header_style="dim")
    for row in _rows(steps):
        table.add_row(*row)
    return table


def _rows(steps: list[dict[str, Any]]) -> Iterator[list[str]]:
    for name, key in FIGURES.items():
        unit = "s" if key.startswith("time/") else "GB" if key == "memory_gb" else ""
        values = [line.get(key) for line in steps]
        if any(value is not None for value in values):
            yield [name, *("" if value is None else f"{value:.6g} {unit}".strip() for value in values)]
    rates = [line["episodes/count"] / line["time/step_s"] for line in steps]
    yield ["episodes a second", *(f"{rate:.3g}" for rate in rates)]
