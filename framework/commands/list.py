"""limner list: what there is, each with the first line of its docstring."""

import argparse
import inspect
import json

from framework.cookbook import names
from framework.recipe import about
from framework.registry import table

KINDS = {
    "envs": "env",
    "rewards": "reward",
    "reasoners": "reasoner",
    "segmenters": "segmenter",
    "propagators": "propagator",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="names only, for programs")


def run(said: argparse.Namespace) -> int:
    if said.json:
        print(json.dumps({"recipes": names()} | {title: sorted(table(kind)) for title, kind in KINDS.items()}))
        return 0
    there = {"recipes": {name: about(name) for name in names()}}
    there |= {title: {name: _first_line(cls) for name, cls in table(kind).items()} for title, kind in KINDS.items()}
    width = max(len(name) for listed in there.values() for name in listed)
    for title, listed in there.items():
        print(f"{title}")
        for name, line in sorted(listed.items()):
            print(f"  {name:<{width}}  {line}")
    return 0


def _first_line(cls: type) -> str:
    return (inspect.getdoc(cls) or "").partition("\n")[0]
