"""limner view: the page of a run, from what was recorded of it."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from framework.commands import console, takes_out
from framework.files import writable
from framework.page import report


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run, as runs/quickstart/play")
    parser.add_argument(
        "--with", metavar="RUN", type=Path, nargs="+", default=[], dest="others", help="runs to be held against it"
    )
    takes_out(parser, "RUN")


def run(said: argparse.Namespace) -> int:
    console().print(f"page    {view(said.run, said.out, said.others)}", soft_wrap=True)
    return 0


def view(run: Path, out: Path | None = None, others: Sequence[Path] = ()) -> Path:
    """Write report.html for a run, into its folder or another, and say where."""
    if out is not None:
        writable(out)
    return report.write(run, out / "report.html" if out is not None else None, others)
