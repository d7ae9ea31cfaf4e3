"""limner reward simulate: where a recipe's length reward would lead a policy that follows it, before a run does."""

import argparse

from rich.table import Table

from framework.commands import console, counted, takes_out, takes_recipe, the_recipe, written_to
from framework.difficulty.course import Course
from framework.difficulty.simulation import simulate
from framework.files import writable
from framework.page import simulated


def arguments(parser: argparse.ArgumentParser) -> None:
    takes_recipe(parser)
    parser.add_argument("-n", type=counted, default=400, metavar="N", help="for this many steps; 400 if not said")
    parser.add_argument("--pace", type=pace, default=1.0, metavar="X", help="how fast it learns; 1 if not said")
    takes_out(parser, "runs/RECIPE/simulated")


def run(said: argparse.Namespace) -> int:
    recipe = the_recipe(said)
    course = Course(simulate(recipe, said.n, said.pace), simulate(recipe, said.n, said.pace, without=True))
    out = written_to(said, recipe.name)
    writable(out)
    formula = recipe.rubric.formula()
    page = simulated.write(out / "report.html", course, f"{recipe.name}, simulated", formula)
    table = Table(*simulated.COLUMNS, box=None, header_style="dim")
    for row in simulated.rows(course):
        table.add_row(*row, style="bold" if row[0] == "all" else "")
    screen = console()
    screen.print(f"total = {formula}\n{said.n} steps of a simulated policy\n", soft_wrap=True)
    screen.print(table)
    screen.print("", course.verdict, *course.facts, sep="\n", soft_wrap=True)
    screen.print(f"\npage    {page}", soft_wrap=True)
    return 0


def pace(text: str) -> float:
    """A number above 0 and at most 100, from the command line."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} will not do; it should be a number above 0 and at most 100")
    return value
