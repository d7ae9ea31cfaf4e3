"""limner reward rescore: what stored episodes would earn under another recipe, and which advantages that would turn."""

import argparse
from pathlib import Path

from rich.table import Table

from framework.commands import console, takes_out, takes_recipe, the_recipe
from framework.figures import number, signed
from framework.files import writable
from framework.page import rescored, stored
from framework.rescore import Change, Rescored, rescore

SHOWN = 8
"""Episodes that the table names."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run, as runs/quickstart")
    takes_recipe(parser)
    takes_out(parser, "RUN")


def run(said: argparse.Namespace) -> int:
    recipe = the_recipe(said)
    out: Path = said.out or said.run
    there = stored.read(said.run, out)
    found = rescore(there.entries, recipe)
    writable(out)
    page = rescored.write(
        out / "rescored.html", there, found, f"{said.run} under {said.recipe}", recipe.rubric.formula()
    )
    screen = console()
    screen.print(f"{len(found.changes)} episodes in {found.groups} groups of {said.run}, under {said.recipe}")
    screen.print(f"total = {recipe.rubric.formula()}", soft_wrap=True)
    screen.print("", parts(found))
    screen.print("", rescored.sentence(found), *rescored.facts(found), sep="\n", soft_wrap=True)
    screen.print("", changed(found.most[:SHOWN]))
    screen.print(f"\npage    {page}", soft_wrap=True)
    return 0


def parts(found: Rescored) -> Table:
    table = Table("part", "then", "now", "change", "adds then", "adds now", box=None, header_style="dim")
    for part in found.parts:
        table.add_row(*rescored.row(part), style="bold" if part.name == "total" else "")
    return table


def changed(most: list[Change]) -> Table:
    """Those whose advantage changes most."""
    table = Table("changed most", "player", "reward", "advantage", "", "mainly", box=None, header_style="dim")
    for each in most:
        reward = " → ".join(number(total) for total in each.totals)
        advantage = " → ".join(signed(value) for value in each.advantages)
        player = " · ".join(filter(None, (each.entry.stage, each.entry.policy)))
        task = f"#{each.place + 1} {each.entry.episode.task.id}"
        table.add_row(task, player, reward, advantage, "turned" if each.turned else "", each.why)
    return table
