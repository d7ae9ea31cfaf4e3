"""limner reward certify: try every trick on a recipe's rewards; a reward that can be fooled fails with the episode."""

import argparse
import math
from itertools import groupby

from rich.table import Table
from rich.text import Text

from framework.commands import console, counted, takes_recipe, the_recipe
from framework.commands.play import told
from framework.proof.certify import Certificate, Finding, certify
from framework.proof.tricks import TRICKS
from framework.rows import lot, read
from framework.rubric import TOTAL
from framework.types import RewardBreakdown

LONGEST = 400
"""Characters of a line of an episode that are printed."""


def arguments(parser: argparse.ArgumentParser) -> None:
    takes_recipe(parser)
    parser.add_argument("-n", type=counted, default=16, metavar="N", help="on this many tasks; 16 if not said")


def run(said: argparse.Namespace) -> int:
    """Exit code 1 if anything fails."""
    recipe = the_recipe(said)
    source = recipe.data.train
    rows = read(source, lot(source, said.n, recipe.seed), recipe.data.faulty)
    found = certify(recipe, rows.tasks)
    out = console()
    out.print(f"total = {recipe.rubric.formula()}\non {found.cases} tasks", soft_wrap=True)
    for fault in rows.faults:
        out.print(f"left out: {fault}", soft_wrap=True)
    out.print("", tricks(found), "")
    for each in found.findings:
        if each.because:
            out.print(f"– {each.part}, {each.name}: {each.said}: {each.because}", soft_wrap=True)
    for _, same in groupby(found.failures, key=lambda each: each.name):
        several = list(same)
        lines = [f"✗ {each.part}, {each.name}: {each.said}" for each in several]
        out.print("\n".join(lines), shown(several[0]), sep="\n", soft_wrap=True)
    if found.failures:
        out.print(failed(found), soft_wrap=True)
        return 1
    out.print("certified: the gold answer earns the most, no trick earns what it should not, the laws hold")
    return 0


def tricks(found: Certificate) -> Table:
    """What each trick earns in total, and the parts it was tried on."""
    table = Table("", "trick", "total", "allowed", "parts that are about it", box=None, header_style="dim")
    for name in TRICKS:
        tried = [each for each in found.findings if each.name == name]
        if not tried:
            table.add_row(Text("–", "yellow"), name, "", "", "cannot be tried here")
            continue
        total = next((each for each in tried if each.part == TOTAL), None)
        parts = " · ".join(f"{each.part} {percent(each.share)}" for each in tried if each.part != TOTAL)
        mark = Text("✗", "red") if any(each.fails for each in tried) else Text("✓", "green")
        shares = (percent(total.share), percent(total.bound)) if total else ("", "")
        table.add_row(mark, name, *shares, parts)
    return table


def percent(share: float) -> str:
    return f"{share:.0%}" if share < math.inf else "∞"


def shown(finding: Finding) -> str:
    """The very episode, each line no longer than anyone reads."""
    if finding.episode is None:
        return ""
    lines = told(finding.episode, finding.earned or RewardBreakdown(parts={}, total=None)).splitlines()
    return "\n".join(line if len(line) <= LONGEST else f"{line[:LONGEST]} … ({len(line):,})" for line in lines) + "\n"


def failed(found: Certificate) -> str:
    """All that failed in one line, and what to do."""
    names = list(dict.fromkeys(each.name for each in found.failures))
    key = names[-1] if names[-1] in (*TRICKS, "best") else "laws"
    remedy = f"mend the rewards, or say why it may be: certify.{key}={{…}}"
    wording = "; certify.gold says how the expert words its replies" if "best" in names else ""
    return f"not certified: {', '.join(names)}; {remedy}{wording}"
