"""limner check: what preflight finds, as a table; what does not fit is a mistake."""

import argparse

from rich.table import Table
from rich.text import Text

from framework.commands import console, takes_recipe, the_recipe
from framework.errors import UserError
from framework.preflight import preflight


def arguments(parser: argparse.ArgumentParser) -> None:
    takes_recipe(parser)


def run(said: argparse.Namespace) -> int:
    findings = preflight(the_recipe(said))
    table = Table("", "what", "found", "limit", box=None, header_style="dim")
    for each in findings:
        mark = Text("✗", "red") if each.remedy else Text("–", "yellow") if each.doubtful else Text("✓", "green")
        table.add_row(mark, each.what, Text(each.found), each.limit)
    console().print(table)
    remedies = [each.remedy for each in findings if each.remedy]
    if remedies:
        raise UserError("\n        ".join(remedies))
    return 0
