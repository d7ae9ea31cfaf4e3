"""What has been decoded and is kept: in this process, or in a folder that all processes of a node share.

    Slot(source, frame, size, grain) ─▶ get ─▶ its pixels, or None          put ─▶ the same pixels, from now on for all

Both keep to a number of bytes and give up first what was least lately used. Pixels are read-only, and whoever holds
some may go on holding them after they were given up.
"""

import atexit
import fcntl
import hashlib
import os
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import NamedTuple, Protocol
from weakref import WeakValueDictionary

import numpy as np

from framework.files import whole
from framework.vision.footage import Pixels

VARIABLE = "LIMNER_FRAMES"
"""Names the folder that processes share; where it is not set, each keeps its own."""
CAPACITY = 512 * 2**20
"""Bytes."""
SHARE = 64
"""A process looks whether the folder is too full whenever it has written this part of its capacity."""
ALIVE = ".alive"


class Slot(NamedTuple):
    """A whole frame at one size; at the video's own size it is the frame as it was decoded."""

    source: str
    frame: int
    size: tuple[int, int]
    """Width, height."""
    grain: int | None = None


class Stock(Protocol):
    def get(self, slot: Slot) -> Pixels | None: ...

    def put(self, slot: Slot, image: Pixels) -> Pixels: ...

    def alone(self, source: str) -> AbstractContextManager[None]:
        """While it is open, no other process that shares this stock decodes this source."""
        ...


def here(capacity: int = CAPACITY) -> Stock:
    """The stock of this process."""
    name = os.environ.get(VARIABLE)
    return Folder(place(name, capacity), capacity) if name else Memory(capacity)


class Memory:
    """Of one process."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.held = 0
        """Bytes."""
        self._lock = threading.Lock()
        self._slots: OrderedDict[Slot, Pixels] = OrderedDict()

    def get(self, slot: Slot) -> Pixels | None:
        with self._lock:
            found = self._slots.get(slot)
            if found is not None:
                self._slots.move_to_end(slot)
            return found

    def put(self, slot: Slot, image: Pixels) -> Pixels:
        image = sealed(image)
        with self._lock:
            old = self._slots.pop(slot, None)
            self.held += image.nbytes - (old.nbytes if old is not None else 0)
            self._slots[slot] = image
            while self.held > self.capacity and len(self._slots) > 1:
                _, given_up = self._slots.popitem(last=False)
                self.held -= given_up.nbytes
        return image

    def alone(self, source: str) -> AbstractContextManager[None]:
        return nullcontext()


class Folder:
    """Of all processes that name it: one file a slot, which appears when all of it is there.

    A process that uses the folder holds a lock on `FOLDER.alive`. Folders that nobody holds, of runs that were killed,
    are removed when another is begun or left.
    """

    def __init__(self, path: Path, capacity: int = CAPACITY) -> None:
        self.path, self.capacity = path, capacity
        self._written = 0
        self._live: WeakValueDictionary[Slot, Pixels] = WeakValueDictionary()
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        self._alive = _held(path.parent / f"{path.name}{ALIVE}")
        path.mkdir(0o700, exist_ok=True)
        sweep(path.parent)
        atexit.register(self.close)

    def get(self, slot: Slot) -> Pixels | None:
        path = self._file(slot)
        try:
            os.utime(path)
            found = self._live.get(slot)
            if found is None:
                width, height = slot.size
                found = np.frombuffer(path.read_bytes(), np.uint8).reshape(height, width, 3)
                self._live[slot] = found
        except FileNotFoundError:
            return self._live.get(slot)
        return found

    def put(self, slot: Slot, image: Pixels) -> Pixels:
        image = sealed(image)
        try:
            with whole(self._file(slot)) as part:
                part.write_bytes(image.data)
        except OSError:  # a full disk, or a folder that somebody removed, costs time but not the run
            self.trim()
        self._live[slot] = image
        self._written += image.nbytes
        if self._written * SHARE > self.capacity:
            self._written = 0
            self.trim()
        return image

    @contextmanager
    def alone(self, source: str) -> Generator[None]:
        with ExitStack() as held:
            with suppress(OSError):  # without a folder each process decodes for itself
                self.path.mkdir(0o700, parents=True, exist_ok=True)
                lock = held.enter_context((self.path / f"{_digest(source)[:2]}.lock").open("ab"))
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def trim(self) -> None:
        """Give up the least lately used, until there is some room."""
        files: list[tuple[int, int, str]] = []
        for each in os.scandir(self.path) if self.path.is_dir() else ():
            if not each.name.endswith(".lock"):
                try:
                    about = each.stat()
                except FileNotFoundError:
                    continue
                files.append((about.st_mtime_ns, about.st_size, each.path))
        surplus = sum(size for _, size, _ in files) - self.capacity * 7 // 8
        for _, size, path in sorted(files):
            if surplus <= 0:
                return
            Path(path).unlink(missing_ok=True)
            surplus -= size

    def close(self) -> None:
        """Leave it; the last one removes it."""
        atexit.unregister(self.close)
        os.close(self._alive)
        sweep(self.path.parent)

    def _file(self, slot: Slot) -> Path:
        return self.path / _digest(slot)


def place(name: str, capacity: int) -> Path:
    """Where on this node a folder of this name lies: in memory if there is room, else among temporary files."""
    roots = [root for root in (Path("/dev/shm"), Path(tempfile.gettempdir())) if root.is_dir()]
    paths = [root / f"limner-{os.getuid()}" / name for root in roots]
    begun = [path for path in paths if path.is_dir()]
    roomy = [path for path, root in zip(paths, roots, strict=True) if shutil.disk_usage(root).free > 2 * capacity]
    return [*begun, *roomy, *paths[-1:]][0]


def sweep(root: Path) -> None:
    """Remove the folders that no process holds."""
    for alive in root.glob(f"*{ALIVE}"):
        try:
            file = os.open(alive, os.O_RDWR)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(root / alive.name.removesuffix(ALIVE), ignore_errors=True)
            alive.unlink(missing_ok=True)
        except BlockingIOError:
            pass
        finally:
            os.close(file)


def _held(alive: Path) -> int:
    """The file, open and held; again, if it was swept away in between."""
    while True:
        file = os.open(alive, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(file, fcntl.LOCK_SH)
        if os.fstat(file).st_nlink:
            return file
        os.close(file)


def _digest(thing: Slot | str) -> str:
    return hashlib.blake2b(repr(thing).encode(), digest_size=16).hexdigest()


def sealed(image: Pixels) -> Pixels:
    """Nobody can write to it any more."""
    image = np.ascontiguousarray(image)
    image.flags.writeable = False
    return image
