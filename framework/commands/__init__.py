"""What a person asks for at the terminal, one file each; here is what several of them take."""

import argparse
import math
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from framework.recipe import Recipe, find_recipe


def takes_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="a name, as quickstart, or a path, as ./my_lab/zoom.yaml")
    parser.add_argument("changes", metavar="key=value", nargs="*", default=[], help="changes, as env.max_turns=2")


def the_recipe(said: argparse.Namespace) -> Recipe:
    return find_recipe(said.recipe, said.changes)


def takes_out(parser: argparse.ArgumentParser, usual: str) -> None:
    parser.add_argument("--out", metavar="DIR", type=Path, help=f"where it is written; {usual} if not said")
    parser.set_defaults(usual=usual)


def written_to(said: argparse.Namespace, name: str = "") -> Path:
    """The folder that was asked for, or the usual one of this recipe."""
    return said.out or Path(said.usual.replace("RECIPE", name))


def console() -> Console:
    """As wide as the terminal, or wide enough for whoever reads it later."""
    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 120)


@contextmanager
def progress(what: str) -> Generator[Callable[[int, int], None]]:
    """A bar on stderr while something lasts; it is told how many are done, of how many."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    screen = Console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bars:
        bar = bars.add_task(what, total=None)
        yield lambda done, of: bars.update(bar, completed=done, total=of)


def as_file(name: str) -> str:
    """A name as that of a file."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)


def counted(text: str, least: int = 1, most: float = math.inf) -> int:
    """A whole number, from the command line."""
    if not text.isdecimal() or not least <= int(text) <= most:
        bounds = f"of at least {least}" if most == math.inf else f"from {least} to {most}"
        raise argparse.ArgumentTypeError(f"{text!r} will not do; it should be a whole number {bounds}")
    return int(text)
