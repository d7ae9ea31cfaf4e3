"""limner data cot: demonstrations of looking in turns, for a cold start; made, taught, read or kept.

limner data cot videoseg_o3/mini --out DIR                                          by the lab's player
limner data cot RECIPE --out DIR --url http://127.0.0.1:8000/v1 --model qwen        its thoughts by a served model
limner data cot RECIPE --out DIR --from revos.json --frames DIR --masks mask_dict.json      VTS-CoT as released
limner data cot RECIPE --out DIR --run runs/my_lab --least 4                        what a policy played well
"""

import argparse
from collections import Counter
from pathlib import Path

from framework import record
from framework.commands import console, counted, takes_recipe, the_recipe
from framework.config import typed
from framework.data.vts_cot import making, trajectory
from framework.data.vts_cot.making import CONVERSATIONS, Made
from framework.data.vts_cot.replay import Footage
from framework.errors import UserError
from framework.files import writable
from framework.lab.players import PLAYERS
from framework.recipe import Recipe
from framework.registry import find
from framework.remote.endpoint import Endpoint

FEW = 5
"""Demonstrations left out that are shown."""


def arguments(parser: argparse.ArgumentParser) -> None:
    takes_recipe(parser)
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="where they are written")
    parser.add_argument(
        "--count", metavar="N", type=counted, default=1000, help="tasks of data.train; 1000 if not said"
    )
    parser.add_argument("--player", metavar="NAME", default="stepwise", help="who plays them; stepwise if not said")
    parser.add_argument("--url", metavar="URL", help="a served model that words the thoughts, up to /v1")
    parser.add_argument("--model", metavar="NAME", help="its name there")
    parser.add_argument("--key", metavar="VARIABLE", default="", help="the environment variable that holds its key")
    parser.add_argument("--from", metavar="FILE", type=Path, dest="released", help="VTS-CoT as it is released")
    parser.add_argument("--frames", metavar="DIR", type=Path, help="DIR/<video>/<frame>.jpg of its videos")
    parser.add_argument("--masks", metavar="FILE", type=Path, help="the mask_dict of its videos")
    parser.add_argument("--run", metavar="DIR", type=Path, help="a run whose episodes are kept")
    parser.add_argument("--least", metavar="X", type=float, help="those that earned at least so much")
    parser.add_argument("--most", metavar="N", type=counted, default=1, help="of a task; 1 if not said")


def run(said: argparse.Namespace) -> int:
    recipe = the_recipe(said)
    writable(said.out)
    made = demonstrations(recipe, said)
    wrong = making.saved(recipe, made, said.out)
    screen = console()
    lost = len({each.where.partition(",")[0] for each in wrong})
    screen.print(f"{len(made.episodes) - lost} demonstrations in {said.out / CONVERSATIONS}", soft_wrap=True)
    for kind, count in Counter(each.kind for each in wrong).items():
        screen.print(f"  ✗ {count} × {kind}", soft_wrap=True)
    for why in made.left_out[:FEW]:
        screen.print(f"  left out: {why}", soft_wrap=True)
    if len(made.left_out) > FEW:
        screen.print(f"  … and {len(made.left_out) - FEW} more")
    return 0


def demonstrations(recipe: Recipe, said: argparse.Namespace) -> Made:
    """By whichever way was asked for."""
    if said.released:
        lacking(said, "--from", "frames", "masks")
        footage = Footage.of(said.frames, said.masks, said.out / "frames")
        return making.released(recipe, trajectory.read(said.released), footage)
    if said.run:
        lacking(said, "--run", "least")
        folder = said.run if (said.run / record.LINES).is_file() else said.run / "train"
        return making.kept(record.read(folder).entries, said.least, said.most)
    teacher = _teacher(said) if said.url else None
    made = making.played(recipe, making.tasks(recipe, said.count), find(PLAYERS, said.player, "player"))
    return making.taught(recipe, made, teacher) if teacher else made


def _teacher(said: argparse.Namespace) -> Endpoint:
    """The served model that words the thoughts."""
    lacking(said, "--url", "model")
    return typed(Endpoint, {"url": said.url, "model": said.model, "key": said.key, "max_tokens": 1024})


def lacking(said: argparse.Namespace, option: str, *others: str) -> None:
    if missing := next((name for name in others if getattr(said, name) is None), None):
        raise UserError(f"data cot: {option} needs --{missing}; see limner data cot --help")
