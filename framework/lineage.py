"""What a stage of a recipe depends on. Two recipes that agree in it may share the stage: one cold start for all.

cold_start ◀─ seed, reasoner, data.train, env, what the sampler teaches, stages.cold_start, cluster …
rl         ◀─ all of that, rewards, algorithm, rollout, stages.rl …
eval       ◀─ all of that, data.eval, sampler, segmenter, propagator, stages.eval …

Said by what does not matter, so that a setting nobody thought of makes a stage of its own and never a wrong one.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any, cast

from framework.config import Tree
from framework.recipe import Recipe

EVAL = ("name", "about", "certify", "stages.cold_start.save_every", "stages.cold_start.keep")
RL = (*EVAL, "data.eval", "segmenter", "propagator", "stages.eval", "drawing.keyframe")
COLD_START = (
    *RL,
    *(f"drawing.{name}" for name in ("loss", "calibration")),
    "rewards",
    "stages.rl",
    "verl",
    *(f"rollout.{name}" for name in ("backend", "temperature", "top_p", "deadline_s", "failed")),
    *(f"algorithm.{name}" for name in ("advantage", "group", "prompts", "mini_batch", "micro_batch", "epochs")),
    *(f"algorithm.{name}" for name in ("resample_settled", "lr", "schedule", "warmup", "weight_decay", "betas")),
    *(f"algorithm.{name}" for name in ("loss", "loss_mean", "clip", "kl", "kl_coef")),
)
UNSEEN = {"cold_start": COLD_START, "rl": RL, "eval": EVAL}
"""What a stage never looks at."""


def seen(recipe: Recipe, stage: str) -> Tree:
    """The settings that a stage and those before it look at."""
    tree = recipe.model_dump(mode="json")
    for path in UNSEEN[stage]:
        if recipe.drawing or not path.startswith("drawing."):
            _drop(tree, path.split("."))
    if stage != "eval":
        asks = recipe.sampler if recipe.stages.cold_start.steps and recipe.sampler else None
        tree["sampler"] = dict(asks.teaching) if asks and not asks.reasoner else None
        if not recipe.stages.cold_start.steps:
            _drop(tree, ["stages", "cold_start"])
    return tree


def digest(tree: Tree) -> str:
    """A short name of settings."""
    return hashlib.blake2b(json.dumps(tree, sort_keys=True).encode(), digest_size=5).hexdigest()


def differences(one: Any, other: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two trees of settings are not the same: the path, and what stands there in each."""
    if isinstance(one, dict) and isinstance(other, dict):
        this, that = cast(Tree, one), cast(Tree, other)
        for key in {**this, **that}:
            yield from differences(this.get(key), that.get(key), f"{path}.{key}" if path else key)
    elif one != other:
        yield path, one, other


def without_path(tree: Tree) -> Tree:
    """The same, wherever the reasoner's weights lie: a stage writes down those it began with."""
    return {**tree, "reasoner": {**tree["reasoner"], "path": ""}}


def _drop(tree: Tree, steps: list[str]) -> None:
    *above, last = steps
    for step in above:
        tree = tree[step]
    del tree[last]
