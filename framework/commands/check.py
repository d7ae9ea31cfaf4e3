"""limner check: what preflight finds, as a table; what does not fit is a mistake."""

import argparse

from framework.commands import takes_recipe, the_recipe
from framework.errors import UserError
from framework.preflight import preflight


def arguments(parser: argparse.ArgumentParser) -> None:
    takes_recipe(parser)


def run(said: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table

    findings = preflight(the_recipe(said))
    table = Table("", "what", "found", "limit", box=None, header_style="dim")
    for each in findings:
        table.add_row("[red]✗" if each.remedy else "[green]✓", each.what, each.found, each.limit)
    Console(highlight=False).print(table)
    remedies = [each.remedy for each in findings if each.remedy]
    if remedies:
        raise UserError("\n        ".join(remedies))
    return 0
