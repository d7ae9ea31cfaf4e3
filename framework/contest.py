"""Who plays in a recipe's evaluation: scripted players, the models of its stages, and the last with its eyes tampered.

recipe, {"cold_start": folder, "rl": folder} ─▶ contest ─▶ Played by name, all on the same tasks and seeds
"""

import asyncio
import zlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from framework import rows
from framework.env import Rules
from framework.errors import UserError
from framework.evaluate import Played, play_all
from framework.machine import cores
from framework.player import Doing, Player
from framework.policy import Policy
from framework.reasoners.eyes import See, blanked, clear, swapped
from framework.reasoners.form import Filler, Form
from framework.reasoners.reasoner import Reasoner
from framework.registry import find
from framework.sampler import focused
from framework.tracing import Draws
from framework.types import Answer, Role, Task

NOBODY: Mapping[str, Player] = {}

if TYPE_CHECKING:
    from framework.reasoners.artist import Artist
    from framework.reasoners.sampling import Generate
    from framework.reasoners.voice import Voice
    from framework.recipe import Recipe

WORDS = "?"
"""Stands for the words of an answer while its form is found; nothing else that is written has one."""


@dataclass(frozen=True, slots=True)
class Contest:
    """Everyone's games, by player: each task once as likely as it gets, and the models' several times by lot."""

    tasks: Sequence[Task]
    score_name: str
    greedy: Mapping[str, Played]
    sampled: Mapping[str, Played]


async def contest(recipe: "Recipe", checkpoints: Mapping[str, Path], guests: Mapping[str, Player] = NOBODY) -> Contest:
    """Play the evaluation tasks; `checkpoints` are in the order in which they were trained, `guests` are served.

    Where a sampler says where to look, every model is led by the same guide.
    """
    from framework.lab.players import PLAYERS

    players = {name: find(PLAYERS, name, "player") for name in recipe.stages.eval.players}
    tasks = rows.read(recipe.data.eval, range(rows.size(recipe.data.eval)), recipe.data.faulty).tasks
    greedy: dict[str, Played] = {}
    sampled: dict[str, Played] = {}
    for name, player in {**players, **guests}.items():
        greedy[name] = await _games(recipe, await led(recipe, tasks, player), player)
    models = {name: trained(recipe, folder) for name, folder in checkpoints.items()}
    found = await guided(recipe, tasks, next(iter(models.values()))) if models else tasks
    playing = [name for name in models if name in recipe.stages.eval.models]
    matches = [Match(recipe, name, models[name], tasks, found, name == playing[-1]) for name in playing]
    for likeliest, by_lot in await _all(matches):
        greedy |= likeliest
        sampled |= by_lot
    return Contest(tasks, recipe.score, greedy, sampled)


async def led(recipe: "Recipe", tasks: Sequence[Task], guide: Player) -> Sequence[Task]:
    """With the frames that a guide finds, where the recipe has a sampler."""
    return await focused(tasks, recipe.sampler, guide, recipe.seed) if recipe.sampler else tasks


async def guided(recipe: "Recipe", tasks: Sequence[Task], first: Reasoner) -> Sequence[Task]:
    """The same for models, by one that learned nothing by reinforcement: whom the sampler names, or who was before it.

    That is the recipe's reasoner, or what a cold start, which teaches the sampler's questions, made of it: `first`.
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
    """The last model plays with its eyes tampered in more ways."""

    async def played(self) -> tuple[dict[str, Played], dict[str, Played]]:
        """As likely as it gets, and by lot."""
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


async def _all(matches: Sequence[Match]) -> list[tuple[dict[str, Played], dict[str, Played]]]:
    """The matches side by side, as far as there are cores; one after another on an accelerator."""
    apart = min(len(matches), cores()) - 1
    if apart < 1 or matches[0].recipe.cluster.platform == "cuda":
        return [await match.played() for match in matches]
    first, *others = matches
    with ProcessPoolExecutor(apart, get_context("spawn")) as pool:
        loop = asyncio.get_running_loop()
        promised = [loop.run_in_executor(pool, _played, match) for match in others]
        try:
            return [await first.played(), *await asyncio.gather(*promised)]
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


@asynccontextmanager
async def opened(recipe: "Recipe", reasoner: Reasoner) -> AsyncGenerator["Model"]:
    """A reasoner, ready to play; its queue is closed afterwards.

    It plays in one thread: sums then round alike on any machine, and two models do not fight for the same cores.
    """
    import torch

    from framework.reasoners.artist import Artist
    from framework.reasoners.generator import Generator
    from framework.reasoners.sampling import Batcher

    generator = Generator.load(reasoner, device=recipe.cluster.platform, seed=recipe.seed)
    artist = Artist.of(recipe, generator, reasoner.folder())
    batcher = Batcher(generator.generate)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield Model(recipe, generator.voice, batcher, artist)
    finally:
        torch.set_num_threads(threads)
        await batcher.close()


class Model:
    """The ways in which one checkpoint plays."""

    def __init__(self, recipe: "Recipe", voice: "Voice", generate: "Generate", artist: "Artist | None" = None) -> None:
        self.recipe, self.voice, self.generate, self.artist = recipe, voice, generate, artist

    def by_lot(self) -> Player:
        """As it samples in training, at temperature 1."""
        return lambda task, rules, seed: self.policy(rules, 1.0, seed=_own(seed, task))

    def greedy(self, *, blank: bool = False, at_once: bool = False, others: Sequence[Task] = ()) -> Player:
        """Always the likeliest token; with grey where it looked, made to answer at once, or shown another's clip."""
        sees = tampered(blank, others)

        def player(task: Task, rules: Rules, seed: int) -> Policy:
            return self.policy(rules, 0.0, see=sees(task), form=answer_form(rules, task) if at_once else None)

        return player

    def draws(self, *, blank: bool = False, others: Sequence[Task] = ()) -> "Artist | None":
        """What makes masks of what it says, if it draws itself; tampered with alike."""
        return self.artist and replace(self.artist, sees=tampered(blank, others))

    def policy(
        self, rules: Rules, temperature: float, seed: int | None = None, see: See = clear, form: Form | None = None
    ) -> Policy:
        from framework.reasoners.player import ModelPolicy

        limits = self.recipe.rollout.model_copy(update={"temperature": temperature})
        generate = Filler(form, self.voice, self.generate) if form else self.generate
        return ModelPolicy(self.voice, generate, limits, rules.system, seed=seed, see=see)


def tampered(blank: bool, others: Sequence[Task]) -> Callable[[Task], See]:
    """How a task's pictures are seen: as they are, in grey, or as the next task's clip shows them."""
    after = {task.id: following for task, following in pairwise([*others, *others[:1]])}
    return lambda task: blanked if blank else swapped(after[task.id].video) if others else clear


def answer_form(rules: Rules, task: Task) -> Form:
    """How an answer is written in this game, for a player who may not look: an expert's, without what it says.

    How many objects there are it does say. Where no expert shows how to answer, all that is known is how one begins.
    """
    rules = rules.game(task)
    try:
        expert = rules.expert(task)
    except UserError:
        expert = None
    answer = expert.actions[-1] if isinstance(expert, Doing) else None
    if not isinstance(answer, Answer):
        return Form(("<answer>",), words=True)
    said = replace(answer, text=WORDS if answer.text else "")
    written = rules.grammar.write(said, lambda frame: task.video.space(frame or 0).counted_in(1000, 1000))
    printed, words, _ = written.partition(WORDS)
    return Form.like(printed, bool(words))


def _own(seed: int, task: Task) -> int:
    """A seed of this task's own, so that two players meet the same luck on it."""
    return (seed << 32) + zlib.crc32(task.id.encode())
