"""limner's agent loop against verl's ToolAgentLoop: tokens a second, and what prompts cost over many turns.

prompts.py   in this process, without a model                    seconds by number of turns
race.py      in a process of its own, with Ray, server and model  tokens a second
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table

from framework.train.bench import prompts, script
from framework.train.bench.apart import apart


def measure(folder: Path) -> dict[str, Any]:
    """Both measurements; `folder` keeps the log of the second."""
    return {"prompt_seconds": prompts.measure(), "reply_tokens_per_second": apart(script.recipe(), "race", folder)}


def shown(figures: Mapping[str, Any]) -> Iterator[Table]:
    """As tables."""
    rates = figures["reply_tokens_per_second"]
    theirs = rates["verl"]["rounds"]
    table = Table("episodes", "tokens/s", "least", "most", "against verl", box=None, header_style="dim")
    for name, rate in rates.items():
        each = rate["rounds"]
        ratio = f"{median(mine / verls for mine, verls in zip(each, theirs, strict=True)):.2f}×"
        table.add_row(name, f"{rate['median']:.0f}", f"{min(each):.0f}", f"{max(each):.0f}", ratio)
    yield table
    seconds = figures["prompt_seconds"]
    counts = [int(count) for count in seconds["limner"]]
    heads = [f"{count} turns" for count in counts]
    last = f"{counts[-1]} over {counts[-2]}"
    table = Table("prompts, ms an episode", *heads, last, box=None, header_style="dim")
    for name, by in seconds.items():
        told = list(by.values())
        table.add_row(name, *(f"{each * 1e3:.1f}" for each in told), f"{told[-1] / told[-2]:.1f}×")
    yield table
