"""limner compare: several runs in one table, from what their evaluations found."""

import argparse
from pathlib import Path

from rich.table import Table

from framework.commands import console
from framework.evaluation.comparison import compare


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", metavar="RUN", type=Path, nargs="+", help="folders of runs, as runs/seed0 runs/seed1")
    parser.add_argument("--markdown", action="store_true", help="as a README shows it")


def run(said: argparse.Namespace) -> int:
    found = compare(said.runs)
    if said.markdown:
        print(found.markdown())
        return 0
    table = Table(*found.columns, box=None, pad_edge=False)
    for row in found.rows:
        table.add_row(*row)
    out = console()
    out.print(table)
    out.print(found.summary)
    return 0
