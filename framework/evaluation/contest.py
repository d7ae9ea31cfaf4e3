"""Who plays in a recipe's evaluation: scripted players, guests that others serve, the models of its stages, and the
last of these with its eyes tampered with (framework/evaluation/model.py).

recipe, {"cold_start": folder, "rl": folder} ─▶ contest ─▶ Played by name, all on the same tasks and seeds
"""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from framework import rows
from framework.errors import UserError
from framework.evaluation.arena import Played, play_all
from framework.evaluation.model import opened
from framework.machine import cores
from framework.player import Player
from framework.reasoners.reasoner import Reasoner
from framework.registry import find
from framework.sampler import focused
from framework.tracing import Draws
from framework.types import Role, Task

NOBODY: Mapping[str, Player] = {}

if TYPE_CHECKING:
    from framework.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Contest:
    """Everyone's games, by the name of the player."""

    tasks: Sequence[Task]
    score_name: str
    greedy: Mapping[str, Played]
    """Each task once; a model says the likeliest token each time."""
    sampled: Mapping[str, Played]
    """Models only: each task `stages.eval.rounds` times, sampled as in training."""
    left_out: str = ""
    """How many rows became no task, and why the first."""


async def contest(recipe: "Recipe", checkpoints: Mapping[str, Path], guests: Mapping[str, Player] = NOBODY) -> Contest:
    """Play the evaluation tasks. `checkpoints` are by stage, in the order in which they were trained; `guests` are
    players that others serve.

    Where the recipe has a sampler, every model plays with the frames that one and the same guide has found.
    """
    from framework.lab.players import PLAYERS

    players = {name: find(PLAYERS, name, "player") for name in recipe.stages.eval.players}
    there = rows.read(recipe.data.eval, range(rows.size(recipe.data.eval)), recipe.data.faulty)
    tasks = there.tasks
    greedy: dict[str, Played] = {}
    sampled: dict[str, Played] = {}
    for name, player in {**players, **guests}.items():
        greedy[name] = await _games(recipe, await led(recipe, tasks, player), player)
    models = {name: trained(recipe, folder) for name, folder in checkpoints.items()}
    found = await guided(recipe, tasks, next(iter(models.values()))) if models else tasks
    playing = [name for name in models if name in recipe.stages.eval.models]
    matches = [Match(recipe, name, models[name], tasks, found, name == playing[-1]) for name in playing]
    for likeliest, by_lot in await together(matches):
        greedy |= likeliest
        sampled |= by_lot
    return Contest(tasks, recipe.score, greedy, sampled, there.left_out)


async def led(recipe: "Recipe", tasks: Sequence[Task], guide: Player) -> Sequence[Task]:
    """The tasks, each with the frames that this player finds; as they are if the recipe has no sampler."""
    return await focused(tasks, recipe.sampler, guide, recipe.seed) if recipe.sampler else tasks


async def guided(recipe: "Recipe", tasks: Sequence[Task], first: Reasoner) -> Sequence[Task]:
    """The tasks, each with the frames that a model finds which reinforcement has not changed.

    That is the reasoner that the sampler names; otherwise the model of the first stage if that is a cold start, which
    teaches the sampler's questions, and the recipe's own reasoner if there was none.
    """
    if recipe.sampler is None:
        return tasks
    before = first if recipe.stages.cold_start.steps else recipe.reasoner
    async with opened(recipe, recipe.sampler.reasoner or before) as guide:
        return await led(recipe, tasks, guide.by_lot())


async def _games(
    recipe: "Recipe", tasks: Sequence[Task], player: Player, rounds: int = 1, draws: Draws | None = None
) -> Played:
    arena = replace(recipe.arena, tracer=draws) if draws else recipe.arena
    return await play_all(tasks, arena, player, rounds, recipe.seed)


@dataclass(frozen=True, slots=True)
class Match:
    """One model's games."""

    recipe: "Recipe"
    name: str
    reasoner: Reasoner
    tasks: Sequence[Task]
    found: Sequence[Task]
    """The tasks with the frames that the guide found."""
    last: bool
    """The last model is tampered with in more ways."""

    async def played(self) -> tuple[dict[str, Played], dict[str, Played]]:
        """Its greedy games and its sampled ones, by the names under which they are told."""
        recipe, asked, found = self.recipe, self.recipe.stages.eval, self.found
        greedy: dict[str, Played] = {}
        sampled: dict[str, Played] = {}
        async with opened(recipe, self.reasoner) as model:
            greedy[self.name] = await _games(recipe, found, model.greedy(), draws=model.draws())
            if asked.rounds:
                sampled[self.name] = await _games(recipe, found, model.by_lot(), asked.rounds, model.draws())
            if asked.tampered and (recipe.env.max_turns > 1 or _shown_more(greedy[self.name])):
                blanked = "blanked" if self.last else f"{self.name}_blanked"
                grey = model.greedy(blank=True), 1, model.draws(blank=True)
                greedy[blanked] = await _games(recipe, found, *grey)
            if asked.tampered and self.last:
                if recipe.env.max_turns > 1:
                    greedy["blind"] = await _games(recipe, found, model.greedy(at_once=True), draws=model.draws())
                elsewhere = model.greedy(others=self.tasks)
                shuffled = await led(recipe, self.tasks, elsewhere)
                greedy["shuffled"] = await _games(recipe, shuffled, elsewhere, draws=model.draws(others=self.tasks))
        return greedy, sampled


def _shown_more(played: Played) -> bool:
    """Was anything seen but the overview? In a game of one turn that does not depend on what is said."""
    turns = (turn for episode in played.rounds[0] for turn in episode.turns)
    return any(picture.role is not Role.OVERVIEW for turn in turns for picture in turn.seen.pictures)


async def together(matches: Sequence[Match]) -> list[tuple[dict[str, Played], dict[str, Played]]]:
    """The matches side by side, as far as there are cores; one after another on an accelerator."""
    apart = min(len(matches), cores()) - 1
    if apart < 1 or matches[0].recipe.cluster.platform == "cuda":
        return [await match.played() for match in matches]
    first, *others = matches
    with ProcessPoolExecutor(apart, get_context("spawn")) as pool:
        loop = asyncio.get_running_loop()
        promised = [loop.run_in_executor(pool, _played, match) for match in others]
        try:
            return list(await asyncio.gather(first.played(), *promised))
        except BrokenProcessPool:
            raise UserError(
                "a process that played a model was ended from outside, most likely for want of memory; "
                "compare fewer models at a time (stages.eval.models)"
            ) from None


def _played(match: Match) -> tuple[dict[str, Played], dict[str, Played]]:
    return asyncio.run(match.played())


def trained(recipe: "Recipe", folder: Path) -> Reasoner:
    """The recipe's reasoner with the weights of a checkpoint."""
    return recipe.with_model(folder).reasoner
