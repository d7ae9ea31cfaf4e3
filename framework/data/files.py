"""What converters read: json, pickles of plain things, frames in a folder, masks in PNGs. What is wrong is named."""

import io
import json
import pickle
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn, cast

import numpy as np
from numpy.typing import NDArray

from framework.errors import DataError
from framework.vision.stills import STILLS, by_number

Indices = NDArray[np.uint8]
"""[height, width]: the number of the object that each pixel belongs to; 0 is none."""


def json_of(path: Path) -> Any:
    """A whole json file; old tools wrote some in Windows' own letters."""
    data = _bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    try:
        return json.loads(text)
    except ValueError as error:
        raise DataError(f"{path}: is no whole json ({error}); fetch the file again") from None


def pickle_of(path: Path) -> Any:
    """A pickle of plain things: dicts, lists, text and numbers. One that would run code is refused."""
    try:
        return Plain(io.BytesIO(_bytes(path)), encoding="latin1").load()
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise DataError(f"{path}: is no whole pickle of plain things ({error}); fetch the file again") from None


class Plain(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> NoReturn:
        raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; unpack the dataset so that it lies there") from None


def mapping(given: Any, where: str) -> dict[str, Any]:
    """It as a mapping."""
    if not isinstance(given, dict):
        raise DataError(f"{where}: is a {type(given).__name__}, where names and what they stand for should be")
    return cast(dict[str, Any], given)


def first_there(*paths: Path) -> Path:
    """The first of these that exists, or the first."""
    return next((path for path in paths if path.exists()), paths[0])


def frame_files(folder: Path, names: Sequence[str]) -> tuple[str, ...]:
    """The file of each frame, given its name without ending."""
    there = _by_stem(folder)
    lacking = [name for name in names if name not in there]
    if lacking:
        raise DataError(f"{folder}: {len(lacking)} of {len(names)} listed frames are absent, the first {lacking[0]}")
    if not names:
        raise DataError(f"{folder}: its list of frames is empty")
    return tuple(there[name] for name in names)


def all_frames(folder: Path) -> tuple[str, ...]:
    """Every picture of a folder, in the order in which it is played."""
    return tuple(sorted(_by_stem(folder).values(), key=lambda name: by_number(Path(name))))


@lru_cache(maxsize=4)
def _by_stem(folder: Path) -> dict[str, str]:
    try:
        files = [file.name for file in folder.iterdir()]
    except OSError as error:
        raise DataError(f"{folder}: {error.strerror}, so its frames cannot be found") from None
    return {Path(name).stem: name for name in files if Path(name).suffix.lower() in STILLS and name[0] != "."}


def indexed(path: Path, size: tuple[int, int]) -> Indices:
    """The numbers in a PNG of masks, which is of this width and height: the palette's places, never its colours."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            mode, found = image.mode, np.asarray(image)
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise DataError(f"{path}: cannot be decoded ({error})") from None
    if mode == "1":
        found = found.astype(np.uint8)
    if found.ndim != 2 or found.dtype != np.uint8:
        raise DataError(f"{path}: holds colours ({mode}), not the numbers of objects")
    if found.shape[::-1] != size:
        wide, high = size
        raise DataError(f"{path}: the mask is {found.shape[1]}×{found.shape[0]}, its frame {wide}×{high}")
    return found
