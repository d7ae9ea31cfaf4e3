"""limner lab clip: a clip of the synthetic world as a film, and what is asked about it."""

import argparse
from pathlib import Path

from framework.commands import console
from framework.config import typed
from framework.errors import UserError
from framework.files import writable
from framework.lab.world import World, render
from framework.types import Task
from framework.vision.draw import LEAST, enlarged, film, pictures


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", metavar="PATH", type=Path, default=Path("clip.mp4"), help="clip.mp4; without a suffix, a folder of png"
    )
    parser.add_argument("--level", default="glance", help="framework/lab/levels.py lists them; glance if not said")
    parser.add_argument("--split", default="eval", help="train, eval or held_out; eval if not said")
    parser.add_argument("-n", type=int, default=0, metavar="N", help="which clip; 0 if not said")


def run(said: argparse.Namespace) -> int:
    count = max(said.n, 0) + 1
    task = typed(World, {"level": said.level, "split": said.split, "count": count}).task(said.n)
    save(task, said.out)
    out = console()
    out.print(f"{task.question}   {task.id}: {task.video.length} frames, {task.truth.kind}", soft_wrap=True)
    out.print(
        f'clip    {said.out}\nthen    limner segment {said.out} "{task.question}" --recipe quickstart', soft_wrap=True
    )
    return 0


def save(task: Task, path: Path) -> None:
    """The clip, its pixels large enough that a film's colours stay with their places."""
    if path.suffix not in ("", ".mp4"):
        raise UserError(
            f"--out {path}: a film is written as .mp4, pictures into a folder without a suffix; say one of them"
        )
    writable(path.parent)
    factor = max(LEAST // task.video.width, 1)
    frames = [enlarged(image, factor) for image in render(task.video.source)]
    if path.suffix == ".mp4":
        film(path, frames, task.video.fps)
    else:
        pictures(path, frames)
