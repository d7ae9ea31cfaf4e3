"""limner play: see episodes as they are played, by a scripted player or by yourself, and have them drawn."""

import argparse
import asyncio
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from framework.commands import as_file, console, counted, takes_out, takes_recipe, the_recipe, written_to
from framework.commands.view import view
from framework.env import Rules
from framework.errors import UserError
from framework.lab.players import PLAYERS
from framework.player import Player
from framework.policy import Human, Policy
from framework.record import Record
from framework.registry import find
from framework.remote.guest import PROTOCOL
from framework.rollout import play
from framework.rows import lot, read
from framework.types import Episode, Malformed, Observation, Picture, RewardBreakdown, Task, Turn

WHO = f"{', '.join(PLAYERS)}, human, or openai:MODEL@URL; expert if not said"


def arguments(parser: argparse.ArgumentParser) -> None:
    takes_recipe(parser)
    takes_out(parser, "runs/RECIPE/play")
    parser.add_argument("--policy", default="expert", help=WHO)
    parser.add_argument("-n", type=counted, default=3, metavar="N", help="this many episodes; 3 if not said")
    parser.add_argument(
        "--seed", type=partial(counted, least=0), help="which tasks, and which luck; the recipe's if not said"
    )


def run(said: argparse.Namespace) -> int:
    recipe = the_recipe(said)
    out = written_to(said, recipe.name)
    seed: int = recipe.seed if said.seed is None else said.seed
    guest = recipe.stages.eval.guest.guest(said.policy) if said.policy.startswith(PROTOCOL) else None
    screen, make = console(), guest.player if guest else player(said.policy, out)
    source = recipe.data.train
    rows = read(source, lot(source, said.n, seed), recipe.data.faulty)
    record = Record(out, fresh=said.out is None)
    for number, task in enumerate(rows.tasks):
        episode = asyncio.run(play(task, recipe.env, make(task, recipe.env, seed + number)))
        [earned] = recipe.rubric.score([episode])
        record.add(episode, earned, policy=said.policy)
        screen.print(told(episode, earned), soft_wrap=True)
    for fault in rows.faults:
        screen.print(f"left out: {fault}", soft_wrap=True)
    if guest:
        screen.print(f"{guest.name}: {guest.bill}", soft_wrap=True)
    screen.print(f"record  {out}\npage    {view(out)}", soft_wrap=True)
    return 0


def player(name: str, out: Path) -> Player:
    """Who plays."""

    def human(task: Task, rules: Rules, seed: int) -> Policy:
        print(told_first(rules.game(task)))
        return Human(Shown(out / "seen" / as_file(task.id)), _ask)

    return find({**PLAYERS, "human": human}, name, "policy")


# ---- for a reader ---------------------------------------------------------------------------------------------------


def told(episode: Episode, earned: RewardBreakdown) -> str:
    """An episode as text, and what it earned."""
    parts = [f"{name} {value:.2f}" for name, value in earned.parts.items()]
    parts += [f"{name}: {failure.reason}" for name, failure in earned.failures.items()]
    total = "none" if earned.total is None else f"{earned.total:.3f}"
    return f"{transcript(episode)}\n  reward {total}   {' · '.join(parts)}\n"


def transcript(episode: Episode) -> str:
    """What was seen and said, turn by turn, and how it ended; what a sampler asked comes first."""
    asked = episode.task.focus.trace if episode.task.focus else ()
    turns = "\n".join(f"  {line}" for turn in (*asked, *episode.turns) for line in _turn(turn))
    last = episode.turns[-1].said.parsed if episode.turns else None
    why = episode.error or (last.reason if isinstance(last, Malformed) else "")
    return f"{episode.task.id}\n{turns}\n  {episode.stop}{f' ({why})' if why else ''}"


def _turn(turn: Turn) -> Sequence[str]:
    seen = readable(turn.seen).splitlines()
    return [*(f"  {line}" for line in seen if line), f"▸ {turn.said.text}"]


def readable(seen: Observation) -> str:
    """What is shown, with each picture in words where it stands."""
    return "".join(part if isinstance(part, str) else named(part) for part in seen.content)


def named(picture: Picture) -> str:
    """64×64 keyframe; which frame it is, the env says before it."""
    part = f", part {' '.join(f'{corner:g}' for corner in picture.crop.corners)}" if picture.crop else ""
    return f"{picture.size[0]}×{picture.size[1]} {picture.role}{part}"


# ---- for a person who plays -----------------------------------------------------------------------------------------


def told_first(rules: Rules) -> str:
    """What a policy is told, or has learned, before it sees anything."""
    names = " or ".join(f"<{name}>…</{name}>" for name in rules.grammar.actions)
    unit = rules.sight.coordinates
    places = "pixels of" if unit == "pixels" else f"0–{unit} over"
    told = f"reply with {names}, as framework/chat/grammar.py has them; places are said as {places} the picture"
    return "\n".join(filter(None, (rules.system.strip(), told)))


class Shown:
    """Writes the pictures a person is shown to files, and says where they lie."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0

    def __call__(self, seen: Observation) -> str:
        return "".join(part if isinstance(part, str) else f"{named(part)}  {self.kept(part)}" for part in seen.content)

    def kept(self, picture: Picture) -> Path:
        import cv2

        from framework.vision.frames import pixels

        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{self.count:03}-frame-{picture.frame}.png"
        self.count += 1
        cv2.imwrite(str(path), pixels(picture)[..., ::-1])
        return path


def _ask(prompt: str) -> str:
    # Left to itself, asyncio would answer Ctrl-C by cancelling a task, and wait for the line to be typed.
    signal.signal(signal.SIGINT, _stopped)
    try:
        return input(prompt)
    except EOFError:
        raise UserError("--policy human: nobody answers; play where you can type, or take a scripted player") from None


def _stopped(number: int, frame: object) -> None:
    raise KeyboardInterrupt
