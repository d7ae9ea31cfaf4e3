"""The stage before reinforcement: demonstrations are played, written down, and imitated through verl's SFT trainer.

players ─▶ play() ─▶ run/cold_start/demonstrations.jsonl ─▶ imitation.py ─▶ run/cold_start/checkpoints/
"""

import asyncio
import random
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from framework import rows
from framework.data import conversations
from framework.data.conversations import Conversation
from framework.drawing import lesson
from framework.env import Rules
from framework.errors import DataError
from framework.lab.players import PLAYERS
from framework.player import Player
from framework.recipe import Recipe
from framework.registry import find
from framework.rollout import play
from framework.train.imitation import DEMONSTRATIONS, STAGE
from framework.train.launch import environment, launched
from framework.train.run import Run
from framework.types import Episode, Stop, Task

ALONE = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
"""What torchrun would tell the only process of a run."""


def train_cold_start(recipe: Recipe, folder: Path, beside: Path | None = None) -> Path:
    """Imitate to the end of the stage; the checkpoint as Hugging Face lays it out. What is done already stays.

    The demonstrations are played while the process that will imitate them imports verl.
    """
    run, stage = Run(folder.resolve(), STAGE), recipe.stages.cold_start
    if run.last_step() < stage.steps:
        run.refuse_other_devices(recipe.cluster.gpus_per_node)
        model = recipe.reasoner.folder()
        run.begin(recipe.with_model(model))
        command, told = _process(recipe.cluster.gpus_per_node)
        env = {**environment(recipe, run, model, beside), **told}
        launched(run, stage.steps, command, env, meanwhile=lambda: _written(recipe, run.home / DEMONSTRATIONS))
    return run.checkpoint(run.last_step()) / "huggingface"


def _process(devices: int) -> tuple[Sequence[str], Mapping[str, str]]:
    """verl's SFT trainer is a program for torchrun, one process per device; one alone is started without."""
    if devices == 1:
        return (sys.executable, "-m", "framework.train.imitation"), ALONE
    torchrun = ("-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={devices}")
    return (sys.executable, *torchrun, "-m", "framework.train.imitation"), {}


def _written(recipe: Recipe, file: Path) -> None:
    """The stage's conversations, as they are given or played anew."""
    file.unlink(missing_ok=True)
    stage = recipe.stages.cold_start
    shown = conversations.read(Path(stage.conversations)) if stage.conversations else demonstrations(recipe)
    if len(shown) < stage.batch:
        raise DataError(f"stages.cold_start.batch: {stage.batch}, but there are only {len(shown)} conversations")
    conversations.write(file, shown)


def demonstrations(recipe: Recipe) -> list[Conversation]:
    """Tasks of data.train by lot, each played by one of the stage's players."""
    stage, source = recipe.stages.cold_start, recipe.data.train
    there = rows.read(source, rows.lot(source, stage.count, recipe.seed), recipe.data.faulty)
    if there.faults:
        print(there.left_out, flush=True)
    played = asyncio.run(_played(_games(recipe, there.tasks), recipe.seed))
    if lost := next((episode for episode, _ in played if episode.stop is Stop.ERROR), None):
        raise DataError(f"task {lost.task.id}: no demonstration of it; {lost.error}")
    return [lesson(episode, rules, recipe.drawing) for episode, rules in played if episode.stop is Stop.ANSWERED]


def _games(recipe: Recipe, tasks: Sequence[Task]) -> Iterator[tuple[Task, Rules, Player]]:
    """Each task in one game: the recipe's own, played by one of the stage's players.

    Where the policy must also answer a sampler's questions, every other task is such a question. The expert answers
    those, without a thought.
    """
    players = [find(PLAYERS, name, "player") for name in recipe.stages.cold_start.players]
    lots = random.Random(recipe.seed)
    asks = recipe.sampler if recipe.sampler and not recipe.sampler.reasoner else None
    for number, task in enumerate(tasks):
        lessons = asks.lessons(task) if asks and number % 2 else ()
        if lessons:
            yield *lessons[number // 2 % len(lessons)], PLAYERS["expert"]
        else:
            yield task, recipe.env, lots.choice(players)


async def _played(games: Iterable[tuple[Task, Rules, Player]], seed: int) -> list[tuple[Episode, Rules]]:
    return [(await play(task, rules, player(task, rules, seed)), rules) for task, rules, player in games]
