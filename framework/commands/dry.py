"""limner dry: a training step without a model: data, env, a scripted player, rewards, advantages, the exact tensors."""

import argparse
import asyncio
import math
import os
import resource
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table

from framework.advantage import ADVANTAGES, joined, zero_groups
from framework.budget import counts
from framework.commands import console, counted, takes_recipe, the_recipe
from framework.env import expert_of
from framework.errors import ConfigError
from framework.lab.players import PLAYERS, UNTOLD
from framework.proof import liveness
from framework.proof.liveness import Vital
from framework.recipe import Recipe
from framework.registry import find
from framework.rollout import play
from framework.rows import Rows, lot, read
from framework.types import Episode, RewardBreakdown, Stop, Task

if TYPE_CHECKING:
    import torch

MIB = 2**20
SHORT = 60
"""Characters of a verdict that a table has room for."""
EXACT = 8
"""Tasks of which the tensors of an episode are made."""
FLOATS = 4 * 3 * 2
"""Bytes that a processor makes of one pixel: three colours as floats, twice, since a still counts as two frames."""


def arguments(parser: argparse.ArgumentParser) -> None:
    takes_recipe(parser)
    parser.add_argument("-n", type=counted, default=64, metavar="N", help="this many episodes; 64 if not said")
    parser.add_argument("--policy", help=f"{', '.join(PLAYERS)}; mixed if not said and there is an expert")


def run(said: argparse.Namespace) -> int:
    recipe = the_recipe(said)
    rows = drawn(recipe, said.n)
    known = [task for task in rows.tasks if expert_of(recipe.env, task)]
    policy: str = said.policy or ("mixed" if known else "random")
    tasks = known if known and policy not in UNTOLD else rows.tasks
    episodes = played(recipe, tasks, policy, said.n)
    earned = recipe.rubric.score(episodes)
    out = console()
    out.print(f"{len(episodes)} episodes of {len(tasks)} tasks, played by {policy}: {_stops(episodes)}")
    for fault in rows.faults:
        out.print(f"left out: {fault}")
    if len(tasks) < len(rows.tasks):
        out.print(f"left out: {len(rows.tasks) - len(tasks)} tasks that no expert can answer")
    for table in (room(recipe, episodes), rewards(recipe, episodes, earned), advantages(recipe, episodes, earned)):
        out.print("", table)
    for line in liveness.warnings(recipe.rewards, episodes, earned, _groups(episodes), recipe.env).values():
        out.print(f"\nWARNING: {line}", soft_wrap=True)
    out.print()
    out.print(tensors(recipe, episodes))
    return 0


def drawn(recipe: Recipe, number: int) -> Rows:
    """Tasks of so many episodes."""
    source = recipe.data.train
    return read(source, lot(source, math.ceil(number / recipe.algorithm.group), recipe.seed), recipe.data.faulty)


def played(recipe: Recipe, tasks: Sequence[Task], policy: str, number: int) -> list[Episode]:
    """Groups of episodes, as a step would have them."""
    make = find(PLAYERS, policy, "policy")

    async def all_of_them() -> list[Episode]:
        return [
            await play(task, recipe.env, make(task, recipe.env, recipe.seed + member))
            for task in tasks
            for member in range(recipe.algorithm.group)
        ]

    return asyncio.run(all_of_them())[:number]


def _stops(episodes: Sequence[Episode]) -> str:
    return ", ".join(f"{count} {stop}" for stop, count in Counter(str(each.stop) for each in episodes).most_common())


def room(recipe: Recipe, episodes: Sequence[Episode]) -> Table:
    """Tokens and memory."""
    rules, algorithm = recipe.env, recipe.algorithm
    turns = [counts(episode, rules) for episode in episodes]
    visual = np.array([sum(each.visual for each in shown) for shown in turns])
    first = np.array([shown[0].all if shown else 0 for shown in turns])
    every = np.array([sum(each.all for each in shown) for shown in turns])
    table = Table("tokens, estimated", "mean", "most", "limit", box=None, header_style="dim", title_justify="left")
    table.add_row("first observation", f"{first.mean():.0f}", f"{first.max()}", f"{recipe.rollout.prompt_tokens}")
    later = every - first
    limit = f"{recipe.rollout.episode_tokens} with replies"
    table.add_row("further observations", f"{later.mean():.0f}", f"{later.max()}", limit)
    table.add_row("of these, visual", f"{visual.mean():.0f}", f"{visual.max()}", "")
    step = algorithm.prompts * algorithm.group
    pixels = float(visual.mean()) * rules.sight.unit**2 * FLOATS * step / MIB
    table.add_row(f"pixels of a step of {step}", f"{pixels:.1f} MiB", "", "")
    table.add_row("this process, so far", "", f"{_peak():.0f} MiB", "")
    return table


def _peak() -> float:
    """The most memory this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (MIB if sys.platform == "darwin" else 1024)


def rewards(recipe: Recipe, episodes: Sequence[Episode], earned: Sequence[RewardBreakdown]) -> Table:
    """Each part of the total: what it gave, and whether it tells episodes apart."""
    found = liveness.vitals(list(recipe.rewards), episodes, earned, _groups(episodes))
    table = Table("reward", "weight", "mean", "least", "most", "without number", "", box=None, header_style="dim")
    for name, reward in recipe.rewards.items():
        column = [each.parts[name] for each in earned if name in each.parts]
        table.add_row(name, f"{reward.weight:g}", *_spread(column), str(len(earned) - len(column)), _short(found[name]))
    totals = [each.total for each in earned if each.total is not None]
    table.add_row("total", "", *_spread(totals), str(len(earned) - len(totals)), "", style="bold")
    return table


def _spread(column: Sequence[float]) -> tuple[str, str, str]:
    if not column:
        return "–", "–", "–"
    mean, least, most = (f"{value:z.3f}" for value in (float(np.mean(column)), min(column), max(column)))
    return mean, least, most


def _short(vital: Vital) -> str:
    said = liveness.verdict(vital)
    return said if len(said) <= SHORT else f"{said[: SHORT - 1]}…"


def _groups(episodes: Sequence[Episode]) -> list[str]:
    return [episode.task.id for episode in episodes]


def advantages(recipe: Recipe, episodes: Sequence[Episode], earned: Sequence[RewardBreakdown]) -> Table:
    """What a step would learn from."""
    name = recipe.algorithm.advantage
    groups = _groups(episodes)
    totals = joined(name, earned, recipe.rubric.weights(), groups)
    table = Table("advantages", "mean", "least", "most", "groups that agree", box=None, header_style="dim")
    if name not in ADVANTAGES:
        table.add_row(f"{name} is computed by verl, in training", "", "", "", f"{zero_groups(totals, groups):.0%}")
        return table
    values = ADVANTAGES[name](totals, groups)
    table.add_row(name, *_spread(values.tolist()), f"{zero_groups(totals, groups):.0%}")
    return table


def tensors(recipe: Recipe, episodes: Sequence[Episode]) -> Table | str:
    """What the trainer would get of the first episode of some tasks, or why it cannot be made on this machine."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # what is not here is not waited for
    try:
        from framework.train.sample import Sample, dictated

        voice = recipe.reasoner.voice()
    except ModuleNotFoundError as lacking:
        return f"the exact tensors are left out: they need {lacking.name}, which is not installed (uv sync)"
    except ConfigError as error:
        path = recipe.reasoner.path
        if path.startswith((".", "/", "~")) or Path(path).is_dir() or not isinstance(error.__cause__, OSError):
            raise
        return f"the exact tensors are left out: {error}; HF_HUB_OFFLINE=0 fetches it"
    first = {each.task.id: each for each in reversed(episodes) if each.stop is not Stop.ERROR}
    shown = list(reversed(first.values()))[:EXACT]

    async def made() -> list[Sample]:
        return [await dictated(episode, recipe.env, voice, recipe.rollout) for episode in shown]

    heads = ("tensors of an episode", "prompt", "response", "mask", "positions", "pictures", "pixels")
    table = Table(*heads, box=None, header_style="dim")
    for episode, sample in zip(shown, asyncio.run(made()), strict=True):
        pictures, mask = sample.pictures, f"{sum(sample.mask)} of {len(sample.mask)}"
        counted = str(len(pictures["image_grid_thw"])) if pictures else "0"
        pixels = _shape(pictures["pixel_values"]) if pictures else ""
        lengths = (str(len(sample.prompt)), str(len(sample.response)))
        table.add_row(episode.task.id, *lengths, mask, _shape(sample.positions), counted, pixels)
    return table


def _shape(tensor: "torch.Tensor") -> str:
    return "×".join(str(side) for side in tensor.shape)
