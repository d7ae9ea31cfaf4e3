"""limner doctor: what this machine has, what is missing, and how to get it."""

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.table import Table
from rich.text import Text

from framework.commands import console
from framework.machine import cores

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
GIB = 2**30


@dataclass(frozen=True, slots=True)
class Line:
    what: str
    found: str
    remedy: str = ""
    needed: bool = True


def arguments(parser: argparse.ArgumentParser) -> None:
    pass


def run(said: argparse.Namespace) -> int:
    """Exit code 2 if something that is needed is missing."""
    lines = [*machine(), *packages()]
    table = Table(box=None, show_header=False)
    for line in lines:
        mark = Text("✓", "green") if not line.remedy else Text("✗", "red") if line.needed else Text("–", "yellow")
        table.add_row(mark, line.what, line.found, line.remedy)
    console().print(table)
    return 2 if any(line.remedy and line.needed for line in lines) else 0


def machine() -> Iterator[Line]:
    yield Line("platform", f"{platform.system()} {platform.machine()}")
    fits = (3, 11) <= sys.version_info < (3, 13)
    yield Line("python", platform.python_version(), "" if fits else "use 3.11 or 3.12: uv python install 3.12")
    yield Line("cores", str(cores()))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    yield Line("memory", f"{memory:.0f} GiB", "" if memory >= 8 else "training the quickstart takes about 8 GiB")
    free = shutil.disk_usage(".").free / GIB
    yield Line("disk", f"{free:.0f} GiB free here", "" if free >= 5 else "make room: runs are written here, 5 GiB do")
    yield _optional("browser", _browser(), "only for tests of the page: apt install chromium")
    yield _optional("cuda", _gpus(), "only for cluster.platform=cuda")


def packages() -> Iterator[Line]:
    """What the project depends on, beside what is there."""
    for wanted in tomllib.loads(PROJECT.read_text())["project"]["dependencies"]:
        name, pin = re.findall(r"^([\w.-]+)(?:\[.*?\])?(?:==([\w.+]+))?", wanted)[0]
        try:
            found = version(name)
        except PackageNotFoundError:
            yield Line(name, "missing", "uv sync")
            continue
        fits = found.partition("+")[0] == pin or not pin
        yield Line(name, found, "" if fits else f"{pin} is what this was made with: uv sync")


def _optional(what: str, found: str, remedy: str) -> Line:
    return Line(what, found or "none", "" if found else remedy, needed=False)


def _browser() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), "")


def _gpus() -> str:
    if not shutil.which("nvidia-smi"):
        return ""
    asked = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    listed = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False).stdout
    return "; ".join(listed.splitlines())
