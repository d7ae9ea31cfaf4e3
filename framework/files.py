"""Files are written whole or not at all, whoever is killed meanwhile; what a disk refuses is told in one message."""

import os
import shutil
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from framework.errors import LimnerError, UserError

LEAST_FREE = 64 * 2**20
"""Bytes that must be free before work starts."""


@contextmanager
def whole(path: Path) -> Generator[Path]:
    """Where to write what shall stand at `path` when all of it is there."""
    part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def writable(folder: Path) -> None:
    """Make a folder if it is not there; raise UserError if it cannot be written to, before any work is done for it."""
    with on_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(2**16))
        free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        raise UserError(f"{folder}: only {free / 2**20:.0f} MiB are free; make room, or write elsewhere with --out")


@contextmanager
def on_disk(path: Path) -> Generator[None]:
    """Whatever the disk refuses in this block is raised as UserError, since a person can mend it."""
    try:
        yield
    except OSError as error:
        if isinstance(error, LimnerError):
            raise
        raise UserError(f"{path}: {error.strerror}; make room or rights there, or write elsewhere with --out") from None
