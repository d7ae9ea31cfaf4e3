"""Where demonstrations come from: the lab's own player, a served model, released files, an earlier policy's episodes.

played | taught | released | kept ─▶ Made(episodes, what was left out and why) ─▶ saved
                                      DIR/vts_cot.json, mask_dict.json      as VTS-CoT is released
                                      DIR/conversations.jsonl               what stages.cold_start.conversations takes
"""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from framework import rows
from framework.data import conversations
from framework.data.inspection import Finding
from framework.data.vts_cot import faults, replay, trajectory
from framework.data.vts_cot.replay import Footage
from framework.data.vts_cot.teacher import Teacher
from framework.data.vts_cot.trajectory import Trajectory
from framework.drawing import lesson
from framework.errors import DataError
from framework.files import on_disk
from framework.player import Player
from framework.recipe import Recipe
from framework.record import Entry
from framework.remote.endpoint import Endpoint
from framework.rollout import play
from framework.types import Broken, Episode, Stop, Task

TRAJECTORIES, MASKS, CONVERSATIONS = "vts_cot.json", "mask_dict.json", "conversations.jsonl"


@dataclass(frozen=True, slots=True)
class Made:
    """What came of some tasks, episodes or files."""

    episodes: tuple[Episode, ...]
    left_out: tuple[str, ...] = ()
    """Why others did not become any."""


def tasks(recipe: Recipe, count: int) -> Sequence[Task]:
    """So many of the recipe's training tasks, by lot."""
    source = recipe.data.train
    return rows.read(source, rows.lot(source, count, recipe.seed), recipe.data.faulty).tasks


def played(recipe: Recipe, tasks: Sequence[Task], player: Player) -> Made:
    """Each task by a scripted player."""

    async def all_of_them() -> list[Episode]:
        return [await play(task, recipe.env, player(task, recipe.env, recipe.seed)) for task in tasks]

    return _answered(asyncio.run(all_of_them()))


def taught(recipe: Recipe, made: Made, endpoint: Endpoint) -> Made:
    """Their looks, in the words of a served model."""
    told = Teacher(endpoint, recipe.env).taught(made.episodes)
    why = [each.reason for each in told if isinstance(each, Broken)]
    return Made(tuple(each for each in told if isinstance(each, Episode)), (*made.left_out, *why))


def released(recipe: Recipe, trajectories: Sequence[Trajectory], footage: Footage) -> Made:
    """Trajectories of a file, played again in the recipe's game."""
    episodes: list[Episode] = []
    left_out: list[str] = []
    for number, each in enumerate(trajectories):
        try:
            episodes.append(replay.replayed(each, footage.task(each, number), recipe.env))
        except (DataError, OSError) as fault:
            left_out.append(f"element {number} ({each.video}): {fault}")
    return Made(tuple(episodes), tuple(left_out))


def kept(entries: Iterable[Entry], least: float, most: int = 1) -> Made:
    """Of an earlier policy's answered episodes those that earned so much or more; so many of a task, the best first."""
    episodes: dict[str, list[tuple[float, Episode]]] = {}
    seen = 0
    for entry in entries:
        seen += 1
        earned = entry.earned.total if entry.earned else None
        if earned is not None and earned >= least and entry.episode.stop is Stop.ANSWERED:
            episodes.setdefault(entry.episode.task.id, []).append((earned, entry.episode))
    best = [sorted(each, key=lambda pair: -pair[0])[:most] for each in episodes.values()]
    chosen = tuple(episode for several in best for _, episode in several)
    why = f"{seen - len(chosen)} of {seen} episodes: no answer, under {least:g}, or not the best"
    return Made(chosen, (why,) if len(chosen) < seen else ())


def _answered(episodes: Sequence[Episode]) -> Made:
    why = [f"task {each.task.id}: {each.error or each.stop}" for each in episodes if each.stop is not Stop.ANSWERED]
    return Made(tuple(each for each in episodes if each.stop is Stop.ANSWERED), tuple(why))


def saved(recipe: Recipe, made: Made, folder: Path) -> list[Finding]:
    """Write what is sound of them; the result is what is not, and was left out."""
    several = [replay.trajectory(each, str(number), recipe.env.system) for number, each in enumerate(made.episodes)]
    wrong = [list(faults.of(each, str(number))) for number, each in enumerate(several)]
    sound = [number for number, faults_ in enumerate(wrong) if not faults_]
    if not sound:
        first = next((each for several_ in wrong for each in several_), None)
        why = f": {first.kind}: {first.what}" if first else ""
        raise DataError(f"{folder}: not one of {len(several)} demonstrations is sound{why}")
    trajectory.write(folder / TRAJECTORIES, [several[number] for number in sound])
    with on_disk(folder / MASKS):
        there = {str(number): replay.outlines(made.episodes[number].task) for number in sound}
        (folder / MASKS).write_text(json.dumps({number: each for number, each in there.items() if each}))
    talks = (lesson(made.episodes[number], recipe.env, recipe.drawing) for number in sound)
    conversations.write(folder / CONVERSATIONS, talks)
    return [each for several_ in wrong for each in several_]
