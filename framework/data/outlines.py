"""Where a dataset keeps its masks: in one dict of run lengths, in PNGs of numbered objects, or in PNGs apart.

Each gives an Outline: where an object is seen, and in which frames anybody looked.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from framework.data.files import Indices, indexed, json_of, mapping, pickle_of
from framework.data.schema import Object
from framework.errors import DataError
from framework.types import Mask
from framework.vision import coco, masks

BORDER = 255
"""What some PNGs have where objects touch; no object."""


@dataclass(frozen=True, slots=True)
class Place:
    """A video, as far as masks go."""

    video: str
    frames: tuple[str, ...]
    """Their names, without ending."""
    width: int
    height: int

    @property
    def all(self) -> tuple[int, ...]:
        return tuple(range(len(self.frames)))


@dataclass(frozen=True, slots=True)
class Outline:
    object: Object
    annotated: tuple[int, ...]
    """Frames in which it would have been outlined, had it been there."""


class Outlines(ABC):
    @abstractmethod
    def outline(self, place: Place, id: str) -> Outline:
        """One object of a video."""

    def others(self, place: Place) -> Sequence[str]:
        """Objects that are outlined whether or not anything is said of them."""
        return ()


class MaskDict(Outlines):
    """One file for all: number of the annotation → for each frame run lengths, or null where it is not seen."""

    def __init__(self, path: Path) -> None:
        self.path = path
        given = pickle_of(path) if path.suffix == ".pkl" else json_of(path)
        self.table = {str(name): entries for name, entries in mapping(given, str(path)).items()}

    def outline(self, place: Place, id: str) -> Outline:
        if id not in self.table:
            raise DataError(f"{self.path.name} has no annotation {id}")
        seen = run_lengths(self.table[id], place, f"{self.path.name}, annotation {id}")
        return Outline(Object(id=id, masks=seen), place.all)


def run_lengths(entries: Any, place: Place, where: str) -> dict[int, Mask]:
    """Frame → mask, from a list that has for each frame run lengths, several of them, or nothing."""
    if not isinstance(entries, list) or len(cast(list[Any], entries)) != len(place.frames):
        count = len(cast(list[Any], entries)) if isinstance(entries, list) else "no list of"
        raise DataError(f"{where}: has {count} frames, the video {len(place.frames)}")
    seen: dict[int, Mask] = {}
    for frame, entry in enumerate(cast(list[Any], entries)):
        if not entry:
            continue
        try:
            several = [
                coco.read_object(each) for each in (cast(list[Any], entry) if isinstance(entry, list) else [entry])
            ]
        except DataError as error:
            raise DataError(f"{where}, frame {place.frames[frame]}: {error}") from None
        for mask in several:
            if (mask.width, mask.height) != (place.width, place.height):
                raise DataError(
                    f"{where}, frame {place.frames[frame]}: the mask is {mask.width}×{mask.height}, "
                    f"the frame {place.width}×{place.height}"
                )
        seen[frame] = several[0] if len(several) == 1 else masks.union(several)
    return seen


class Numbered(Outlines):
    """A PNG for each frame, whose numbers are objects; a frame without one was not annotated."""

    def __init__(self, folder: Path, categories: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self.folder, self.categories = folder, categories or {}
        self._read = lru_cache(maxsize=1)(self._all)

    def outline(self, place: Place, id: str) -> Outline:
        annotated, objects = self._read(place)
        number = number_of(id)
        if number not in objects:
            there = ", ".join(map(str, sorted(objects))) or "none"
            hint = "; they are black and white" if set(objects) == {BORDER} else ""
            raise DataError(
                f"{self.folder / place.video}: object {id} is in none of its {len(annotated)} masks "
                f"(there are: {there}){hint}"
            )
        category = self.categories.get(place.video, {}).get(id, "")
        return Outline(Object(id=str(number), masks=objects[number], category=category), annotated)

    def others(self, place: Place) -> Sequence[str]:
        return [str(number) for number in sorted(self._read(place)[1]) if number != BORDER]

    def _all(self, place: Place) -> tuple[tuple[int, ...], dict[int, dict[int, Mask]]]:
        folder = self.folder / place.video
        paths = [(frame, folder / f"{name}.png") for frame, name in enumerate(place.frames)]
        there = [(frame, path) for frame, path in paths if path.is_file()]
        if not there:
            raise DataError(f"{folder}: there are no masks of this video")
        objects: dict[int, dict[int, Mask]] = {}
        for frame, path in there:
            for number, mask in apart(indexed(path, (place.width, place.height))).items():
                objects.setdefault(number, {})[frame] = mask
        return tuple(frame for frame, _ in there), objects


def apart(found: Indices) -> dict[int, Mask]:
    """The mask of each number in a PNG."""
    numbers = np.flatnonzero(np.bincount(found.ravel(), minlength=256)[1:]) + 1
    return {number: masks.encode(found == number) for number in numbers.tolist()}


def number_of(id: str) -> int:
    """An object's number in masks of numbers."""
    if not id.isdecimal():
        raise DataError(f"object {id!r} has no number, so it cannot be found in masks of numbers")
    return int(id)


class Separate(Outlines):
    """A folder for each object, with a PNG for each frame, where anything but 0 is the object."""

    def __init__(self, folder: Callable[[str, str], Path], lacking_is_absent: bool) -> None:
        self.folder = folder
        """Video and object → its folder."""
        self.lacking_is_absent = lacking_is_absent
        """Does a frame without a PNG say that the object is not there, or nothing?"""

    def outline(self, place: Place, id: str) -> Outline:
        folder = self.folder(place.video, id)
        if not folder.is_dir():
            raise DataError(f"{folder}: there is no such folder of masks")
        there = {frame: path for frame, name in enumerate(place.frames) if (path := folder / f"{name}.png").is_file()}
        if not there:
            raise DataError(f"{folder}: holds no mask of any of the video's {len(place.frames)} frames")
        size = (place.width, place.height)
        seen = {frame: masks.encode(indexed(path, size) > 0) for frame, path in there.items()}
        return Outline(Object(id=id, masks=seen), place.all if self.lacking_is_absent else tuple(there))
