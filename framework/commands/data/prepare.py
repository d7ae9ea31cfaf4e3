"""limner data prepare: a public dataset, from where you unpacked it, in our two tables. Nothing is ever downloaded."""

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from framework.commands import console, counted, progress
from framework.data import LAYOUTS
from framework.data.layout import Layout
from framework.data.preparation import prepare
from framework.errors import DataError
from framework.registry import find


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help=", ".join(LAYOUTS))
    parser.add_argument("--root", metavar="DIR", type=Path, required=True, help="where it lies; for lab, a level")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="DIR/NAME/SPLIT is written")
    parser.add_argument("--split", help="this one only; every split that is there if not said")
    parser.add_argument("--limit", metavar="N", type=counted, help="the first N videos or images only")
    parser.add_argument("--again", action="store_true", help="begin anew, after what was left out has been mended")


def run(said: argparse.Namespace) -> int:
    kind = find(LAYOUTS, said.name, "dataset")
    screen = console()
    for each in filter(None, (kind.licence, kind.caution)):
        screen.print(f"{kind.name}: {each}", soft_wrap=True)
    for layout in opened(kind, said.root, said.split, screen):
        about = made(layout, said.out, said.limit, said.again)
        folder = said.out / layout.name / layout.split
        screen.print(*told(about, folder), sep="\n", soft_wrap=True)
    return 0


def opened(kind: type[Layout], root: Path, split: str | None, screen: Console) -> list[Layout]:
    """The split that was asked for, or all that are there."""
    if split is not None:
        return [kind.opened(root, split)]
    there: list[Layout] = []
    lacking: list[tuple[str, DataError]] = []
    for each in kind.splits:
        try:
            there.append(kind.opened(root, each))
        except DataError as error:
            lacking.append((each, error))
    if not there:
        raise DataError(f"no split of {kind.name} is there; {lacking[0][0]}: {lacking[0][1]}")
    for split, error in lacking:
        screen.print(f"{split:<8}  is not there: {error}", soft_wrap=True)
    return there


def made(layout: Layout, out: Path, limit: int | None, again: bool) -> dict[str, Any]:
    with progress(f"{layout.name} {layout.split}") as tell:
        return prepare(layout, out, limit, again, tell)


def told(about: dict[str, Any], folder: Path) -> list[str]:
    """What came of it."""
    parts = [f"{about[each]:,} {each}" for each in ("videos", "expressions", "objects", "masks")]
    lines = [f"{about['split']:<8}  {' · '.join(parts)}  {folder}"]
    if untimed := about.get("videos without a frame rate"):
        lines.append(f"{'':<8}  no frame rate is known of {untimed:,} videos, so their frames are shown without times")
    if about["left out"]:
        lines.append(f"{'':<8}  {about['left out']:,} left out, all in {folder / 'left_out.jsonl'}; the first:")
        lines += [f"{'':<10}  {each['video']} {each['expression']}: {each['why']}" for each in about["left out first"]]
    return lines
