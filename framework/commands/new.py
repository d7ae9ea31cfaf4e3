"""limner new: a folder with a reward, an env, a recipe and a test of one's own, all running."""

import argparse
import re
from keyword import iskeyword
from pathlib import Path

from framework.commands import console
from framework.errors import UserError
from framework.files import on_disk, writable

START = Path(__file__).parents[1] / "start"
"""The lab that is copied; it calls itself start."""
NAMED = re.compile(r"\bstart(?=_env\b|_reward\b)|(?<=test_)start\b|(?<=name: )start\b|(?<=pytest )start\b")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", type=Path, help="a new folder, as my_lab; its name becomes the lab's")


def run(said: argparse.Namespace) -> int:
    folder: Path = said.folder
    written = write(folder)
    recipe = folder / "recipe.yaml"
    shown = console()
    for path in written:
        shown.print(str(path))
    then = {
        f"limner play {recipe}": "see it played",
        f"limner reward certify {recipe}": "can its rewards be fooled?",
        f"limner train {recipe}": "train on it",
        f"pytest {folder}": "hold it to its contracts",
    }
    width = max(map(len, then))
    shown.print("", *(f"{command:<{width}}  {what}" for command, what in then.items()), sep="\n", soft_wrap=True)
    return 0


def write(folder: Path) -> list[Path]:
    """The files of a new lab. Nothing that is there already is touched."""
    import yaml

    name = folder.resolve().name
    if not name.isidentifier() or not name.isascii() or iskeyword(name) or yaml.safe_load(name) != name:
        raise UserError(
            f"new: {name!r} can be no module of Python, or no name in a recipe; use letters, digits and _, as in my_lab"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"new: {folder} is there already, and not empty; give another name")
    writable(folder)
    there: list[Path] = []
    for source in sorted(START.iterdir()):
        if source.suffix not in (".py", ".yaml") or source.name == "__init__.py":
            continue
        path = folder / NAMED.sub(name, source.name)
        with on_disk(path):
            path.write_text(NAMED.sub(name, source.read_text(encoding="utf-8")), encoding="utf-8")
        there.append(path)
    return there
