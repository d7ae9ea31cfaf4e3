"""The stage before reinforcement: demonstrations are played, written down, and imitated through verl's SFT trainer.

players ─▶ play() ─▶ run/cold_start/demonstrations.jsonl ─▶ imitation.py ─▶ run/cold_start/checkpoints/
"""

import asyncio
import shutil
import sys
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from framework import rows
from framework.data import conversations
from framework.data.conversations import Conversation, conversation
from framework.errors import DataError
from framework.lab.players import PLAYERS
from framework.policy import Player
from framework.recipe import Recipe
from framework.registry import find
from framework.rollout import play
from framework.train.imitation import DEMONSTRATIONS, STAGE
from framework.train.launch import environment, launched
from framework.train.run import Run
from framework.types import Episode, Stop, Task


def train_cold_start(recipe: Recipe, folder: Path, beside: Path | None = None, fresh: bool = False) -> Path:
    """Imitate to the end of the stage; the checkpoint as Hugging Face lays it out. What is done already stays."""
    run, stage = Run(folder.resolve(), STAGE), recipe.stages.cold_start
    if fresh:
        shutil.rmtree(run.home, ignore_errors=True)
    if run.last_step() < stage.steps:
        model = recipe.reasoner.folder()
        run.begin(recipe.model_copy(update={"reasoner": recipe.reasoner.model_copy(update={"path": model})}))
        shown = conversations.read(Path(stage.conversations)) if stage.conversations else demonstrations(recipe)
        if len(shown) < stage.batch:
            raise DataError(f"stages.cold_start.batch: {stage.batch}, but there are only {len(shown)} conversations")
        conversations.write(run.home / DEMONSTRATIONS, shown)
        env = environment(recipe, run, model, beside)
        launched(run, stage.steps, _command(recipe.cluster.gpus_per_node), env)
    return run.checkpoint(run.last_step()) / "huggingface"


def _command(devices: int) -> Sequence[str]:
    """verl's SFT trainer is a program for torchrun: one process per device."""
    torchrun = ("-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={devices}")
    return sys.executable, *torchrun, "-m", "framework.train.imitation"


def demonstrations(recipe: Recipe) -> list[Conversation]:
    """Tasks of data.train by lot, each played by the next of the stage's players."""
    stage, source = recipe.stages.cold_start, recipe.data.train
    tasks = rows.read(source, rows.lot(source, stage.count, recipe.seed), recipe.data.faulty).tasks
    players = [find(PLAYERS, name, "player") for name in stage.players]
    episodes = asyncio.run(_played(recipe, tasks, players))
    if lost := next((episode for episode in episodes if episode.stop is Stop.ERROR), None):
        raise DataError(f"task {lost.task.id}: no demonstration of it; {lost.error}")
    return [conversation(episode, recipe.env.system) for episode in episodes if episode.stop is Stop.ANSWERED]


async def _played(recipe: Recipe, tasks: Sequence[Task], players: Sequence[Player]) -> list[Episode]:
    turns = zip(tasks, cycle(players), strict=False)
    return [await play(task, recipe.env, player(task, recipe.env, recipe.seed)) for task, player in turns]
