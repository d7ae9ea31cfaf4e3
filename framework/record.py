"""Episodes on disk: one line each, and every distinct picture once.

    run/
    ├── episodes.jsonl      {"episode": {"task": …, "turns": …, "stop": …}, "earned": …, "policy": "expert", …}
    └── frames/<hash>.png   what was seen, named by its pixels

What is read back is equal to what was written, and writes the same bytes again. The trainer sends episodes between
processes with `to_json` and `from_json`; a picture stays a reference there.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from framework import codec
from framework.errors import DataError, PixelError, UserError
from framework.files import on_disk, whole, writable
from framework.types import Episode, Picture, RewardBreakdown, Role, Stop
from framework.vision.footage import Pixels
from framework.vision.frames import pixels
from framework.vision.inline import png
from framework.vision.plan import shrunk

LINES, FRAMES = "episodes.jsonl", "frames"
LONGEST = 448
"""Pixels along the longer side of a scene."""


def to_json(episode: Episode) -> dict[str, Any]:
    """An episode for another process or a file; pictures stay references."""
    return codec.write(episode)


def from_json(data: Mapping[str, Any]) -> Episode:
    """The episode that was written so."""
    return codec.read(Episode, data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a record."""

    episode: Episode
    earned: RewardBreakdown | None = None
    policy: str = ""
    """Who played: expert, cold_start, rl …"""
    stage: str = ""
    """When: train, eval …"""
    group: str = ""
    """Episodes of one group are compared with one another."""
    advantage: float | None = None
    """How much better it was than its group, where that was learned from."""
    pictures: tuple[str, ...] = ()
    """frames/<this>.png, for each picture that was seen, in order."""
    scene: str = ""
    """frames/<this>.png: the whole frame that the answer is about; empty if there is none."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was read from a folder."""

    folder: Path
    entries: tuple[Entry, ...]
    torn: str = ""
    """If the last line was never finished: what to say about it."""

    def frame(self, name: str) -> Path:
        return self.folder / FRAMES / f"{name}.png"


def read(folder: Path) -> Recorded:
    """Every finished line. A line that a crash cut off is left out and told."""
    path = folder / LINES
    try:
        data = path.read_bytes()
    except OSError as error:
        remedy = "give the folder of a run that has one, as in: limner view runs/quickstart/play"
        raise UserError(f"{path}: {error.strerror}; {remedy}") from None
    *lines, rest = data.split(b"\n")
    entries = tuple(_entry(path, number, line) for number, line in enumerate(lines, 1))
    torn = f"{path}: line {len(lines) + 1} was never finished and is left out" if rest else ""
    return Recorded(folder, entries, torn)


def _entry(path: Path, number: int, line: bytes) -> Entry:
    try:
        return codec.read(Entry, json.loads(line))
    except (ValueError, DataError) as error:
        raise DataError(f"{path}, line {number}: {error}; delete the line or write the record again") from None


class Record:
    """Writes a record, one process at a time. What the folder holds already stays, unless it is to be fresh."""

    def __init__(self, folder: Path, fresh: bool = False) -> None:
        writable(folder)
        self.folder, self.path = folder, folder / LINES
        with on_disk(self.path):
            (folder / FRAMES).mkdir(exist_ok=True)
            self.path.open("wb" if fresh else "ab").close()
            _drop_torn(self.path)

    def add(
        self,
        episode: Episode,
        earned: RewardBreakdown | None = None,
        *,
        policy: str = "",
        stage: str = "",
        group: str = "",
        advantage: float | None = None,
    ) -> Entry:
        """Write an episode and what was seen in it. The line comes last, so it never lacks a picture."""
        seen = [picture for turn in episode.turns for picture in turn.seen.pictures]
        entry = Entry(
            episode=episode,
            earned=earned,
            policy=policy,
            stage=stage,
            group=group or episode.task.id,
            advantage=advantage,
            pictures=tuple(self._kept(picture) for picture in seen),
            scene=self._scene(episode),
        )
        self.write(entry)
        return entry

    def write(self, entry: Entry) -> None:
        """Write an entry whose pictures lie in the folder already."""
        with on_disk(self.path), self.path.open("ab") as file:
            file.write(line(entry))

    def _scene(self, episode: Episode) -> str:
        """None of what was lost before it began, or whose clip is gone with its server: a record can do without it."""
        if episode.stop is Stop.ERROR and not episode.turns:
            return ""
        try:
            return self._kept(scene(episode))
        except PixelError:
            return ""

    def _kept(self, picture: Picture) -> str:
        image = pixels(picture)
        name = _hash(image)
        path = self.folder / FRAMES / f"{name}.png"
        if not path.exists():
            with on_disk(path), whole(path) as part:
                part.write_bytes(png(image))
        return name


def line(entry: Entry) -> bytes:
    """The line of an entry, with its end."""
    return json.dumps(codec.write(entry), separators=(",", ":")).encode() + b"\n"


def scene(episode: Episode) -> Picture:
    """The whole frame that an answer is about; without one, the frame where the target is largest, or the first."""
    video = episode.task.video
    return Picture(video, _answered(episode), shrunk(video, LONGEST), Role.TARGET)


def _answered(episode: Episode) -> int:
    answer, boxes = episode.answer, episode.task.truth.boxes
    if answer is not None and answer.keyframe is not None:
        return answer.keyframe
    said = [place for item in answer.items if (place := item.box or item.point)] if answer is not None else []
    if said:
        return said[0].space.frame
    return max(boxes, key=lambda frame: sum(box.area for box in boxes[frame]), default=0)


def _drop_torn(path: Path) -> None:
    """Cut off a last line that was never finished, so that the next one starts on its own."""
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(end - 1, 0))
        if file.read() not in (b"", b"\n"):
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)


def _hash(image: Pixels) -> str:
    head = repr(image.shape).encode()
    return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16, key=head).hexdigest()
