"""Where things that were made once are kept between runs."""

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from glob import escape
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from framework.errors import UserError


def cache_folder() -> Path:
    """LIMNER_CACHE, else XDG_CACHE_HOME/limner, else ~/.cache/limner."""
    if chosen := os.environ.get("LIMNER_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "limner"


def made_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """A folder of the cache; `make` fills it if it is not there yet. Others wait, and see it whole or not at all."""
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder), tempfile.TemporaryDirectory(dir=folder.parent, prefix=_building(folder)) as building:
            if not folder.is_dir():
                make(Path(building) / "whole")
                os.rename(Path(building) / "whole", folder)
    except OSError as error:
        if not folder.is_dir():  # otherwise another process was quicker, where no lock is to be had
            raise UserError(
                f"{folder}: cannot be written ({error.strerror}); set LIMNER_CACHE to a folder that can"
            ) from error
    return folder


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Nobody else makes it meanwhile. A process that is killed lets go of its lock; not every file system has locks."""
    with folder.with_name(f".lock-{folder.name}").open("w") as lock:
        with suppress(OSError):
            _locked(lock, folder)
            for left in folder.parent.glob(f"{escape(_building(folder))}*"):  # by a process that was killed
                shutil.rmtree(left, ignore_errors=True)
        yield


def _building(folder: Path) -> str:
    """How the names of folders begin in which this one is being made."""
    return f".building-{folder.name}="


def _locked(lock: IO[str], folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"limner: waits for another process that is making {folder}", file=sys.stderr, flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


def keep_bytecode() -> None:
    """Compile packages once, and not in each of a run's dozen processes.

    Containers often set PYTHONDONTWRITEBYTECODE, so that nothing is written beside packages: it goes to our cache then.
    """
    compiled = getattr(find_spec("pydantic"), "cached", None)
    if sys.dont_write_bytecode and not sys.pycache_prefix and not (compiled and Path(compiled).is_file()):
        sys.dont_write_bytecode, sys.pycache_prefix = False, str(cache_folder() / "bytecode")
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
