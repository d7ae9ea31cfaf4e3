"""limner bench: measure what this house claims, on the machine where it is asked."""

import argparse
import importlib
import json
import os
import platform
import sys
import time
from pathlib import Path

from framework.commands import console, takes_out, written_to
from framework.errors import TrainError
from framework.machine import cores
from framework.registry import find

BENCHES = {
    "drawing": "framework.train.bench.drawing",
    "families": "framework.train.bench.families",
    "loop": "framework.train.bench.loop",
    "released": "framework.train.bench.released",
    "rewards": "framework.bench.rewards",
    "vision": "framework.bench.vision",
}
"""Name → module. `measure(folder)` gives figures as json takes them, `shown(figures)` tables of them."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bench", metavar="BENCH", help=", ".join(BENCHES))
    parser.add_argument("--json", action="store_true", help="figures as json")
    takes_out(parser, "runs/bench")


def run(said: argparse.Namespace) -> int:
    module = importlib.import_module(find(BENCHES, said.bench, "bench"))
    folder = written_to(said)
    folder.mkdir(parents=True, exist_ok=True)
    began, here = time.perf_counter(), machine()
    try:
        measured = module.measure(folder)
    except TrainError as error:
        print(f"limner: {error}", file=sys.stderr)
        return 1
    figures = {"machine": here, "seconds": round(time.perf_counter() - began, 1), **measured}
    told = json.dumps(figures, indent=2)
    (folder / f"{said.bench}.json").write_text(told)
    if said.json:
        print(told)
        return 0
    out = console()
    out.print(f"{said.bench} on {figures['machine']}, {figures['seconds']:.0f} s")
    for table in module.shown(figures):
        out.print("", table)
    return 0


def machine() -> str:
    """Processor, cores and load: without them a figure says nothing."""
    return f"{_processor()}, {cores()} cores, load {os.getloadavg()[0]:.1f}"


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
