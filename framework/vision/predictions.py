"""What a model drew for each expression of a dataset: in one parquet file of run lengths, or in folders of PNGs.

    predictions.parquet       video "v1", expression "0"    frames 0 1 2 …    a mask each
    v1/0/00000.png            0 is background, 1 or 255 the target; an Annotations folder around all of it may stay

A frame that is not there was not predicted; one without target is predicted to be empty.

    with Writer(path) as file:
        file.add("v1", "0", {0: mask, 1: mask})
    opened(path).read("v1", "0", {0: "00000", 1: "00001"}, 854, 480)
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import numpy as np

from framework.errors import DataError
from framework.files import on_disk
from framework.types import AnyMask, Mask
from framework.vision import coco, masks
from framework.vision.masks import Dense

NAME = "predictions.parquet"
TOGETHER = 64
"""Rows that are written at a time, and read at a time."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was drawn for one expression."""

    masks: Mapping[int, AnyMask]
    """Frame → its mask."""
    level: int = 1
    """What a target pixel's value was where it was stored."""


class Predictions(ABC):
    """What was drawn for many expressions, opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @abstractmethod
    def read(
        self, video: str, expression: str, frames: Mapping[int, str], width: int, height: int
    ) -> Prediction | None:
        """What was drawn in these frames (number → name), which are of this size; None if nothing was."""


def opened(path: Path) -> Predictions:
    """A parquet file, the folder it lies in, or a folder of PNGs."""
    found = path / NAME if (path / NAME).is_file() else path
    if found.is_file():
        return Rows(found)
    if not found.is_dir():
        raise DataError(f"{path}: there is no such file or folder; give a folder of PNGs or a {NAME}")
    inside = found / "Annotations"
    return Pngs(inside if inside.is_dir() else found)


def _fitting(mask: AnyMask, where: str, width: int, height: int) -> None:
    if (mask.width, mask.height) != (width, height):
        raise DataError(
            f"{where}: the mask is {mask.width}×{mask.height}, the frame {width}×{height}; predict at the frame's size"
        )


# ---- run lengths -----------------------------------------------------------------------------------------------------


class Writer:
    """Writes rows as they come; the file appears when it is closed without an error."""

    def __init__(self, path: Path) -> None:
        self.path, self.part = path, path.with_suffix(".part")
        self.rows: list[dict[str, Any]] = []
        with on_disk(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self.file = _parquet().ParquetWriter(str(self.part), _columns())

    def add(self, video: str, expression: str, drawn: Mapping[int, AnyMask]) -> None:
        """What was drawn for an expression; empty masks are predictions as well."""
        several = {frame: masks.as_runs(mask) for frame, mask in sorted(drawn.items())}
        sizes = {(mask.width, mask.height) for mask in several.values()}
        if len(sizes) > 1:
            raise DataError(
                f"the masks of video {video}, expression {expression} are of sizes {sorted(sizes)}; give one"
            )
        width, height = next(iter(sizes), (0, 0))
        self.rows.append(
            {
                "video_id": video,
                "expression_id": expression,
                "height": height,
                "width": width,
                "frame_idx": list(several),
                "rle": [coco.write(mask) for mask in several.values()],
            }
        )
        if len(self.rows) == TOGETHER:
            self._flush()

    def _flush(self) -> None:
        if self.rows:
            with on_disk(self.path):
                self.file.write_table(_arrow().Table.from_pylist(self.rows, schema=_columns()))
            self.rows = []

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with on_disk(self.path):
            if kind is None:
                self._flush()
            self.file.close()
            if kind is None:
                self.part.replace(self.path)
            else:
                self.part.unlink(missing_ok=True)


class Rows(Predictions):
    """A parquet file; only the rows that are asked for are read, with those that were written beside them."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.kept: tuple[int, Any] = (-1, None)
        """The group of rows that was read last: rows are mostly asked for in order."""

    @cached_property
    def file(self) -> Any:
        try:
            file = _parquet().ParquetFile(str(self.path))
        except (OSError, _arrow().ArrowInvalid) as error:
            raise DataError(f"{self.path}: is no whole parquet file ({error}); write it again") from None
        lacking = [name for name in _columns().names if name not in file.schema_arrow.names]
        if lacking:
            raise DataError(f"{self.path}: has no column {', '.join(lacking)}; write it with vision.predictions.Writer")
        return file

    @cached_property
    def places(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Video and expression → the group of rows, and the row in it."""
        found: dict[tuple[str, str], tuple[int, int]] = {}
        for group in range(self.file.num_row_groups):
            table = self.file.read_row_group(group, columns=["video_id", "expression_id"])
            owners = zip(*(table[name].to_pylist() for name in ("video_id", "expression_id")), strict=True)
            for row, owner in enumerate(owners):
                if owner in found:
                    raise DataError(f"{self.path}: video {owner[0]}, expression {owner[1]} is there twice; keep one")
                found[owner] = group, row
        return found

    def read(
        self, video: str, expression: str, frames: Mapping[int, str], width: int, height: int
    ) -> Prediction | None:
        place = self.places.get((video, expression))
        if place is None:
            return None
        row = self._group(place[0]).slice(place[1], 1).to_pylist()[0]
        found: dict[int, AnyMask] = {}
        for frame, counts in zip(row["frame_idx"], row["rle"], strict=True):
            if frame in frames:
                where = f"{self.path}: video {video}, expression {expression}, frame {frame}"
                found[frame] = _mask(counts, row["width"], row["height"], where)
                _fitting(found[frame], where, width, height)
        return Prediction(found)

    def _group(self, number: int) -> Any:
        if self.kept[0] != number:
            self.kept = number, self.file.read_row_group(number)
        return self.kept[1]


def _mask(counts: bytes, width: int, height: int, where: str) -> Mask:
    try:
        return coco.read(counts, width, height)
    except DataError as error:
        raise DataError(f"{where}: {error}") from None


def _columns() -> Any:
    arrow = _arrow()
    text, whole = arrow.string(), arrow.int32()
    columns = [("video_id", text), ("expression_id", text), ("height", whole), ("width", whole)]
    return arrow.schema([*columns, ("frame_idx", arrow.list_(whole)), ("rle", arrow.list_(arrow.binary()))])


def _arrow() -> Any:
    import pyarrow  # pyright: ignore[reportMissingTypeStubs]

    return cast(Any, pyarrow)


def _parquet() -> Any:
    import pyarrow.parquet  # pyright: ignore[reportMissingTypeStubs]

    return cast(Any, pyarrow.parquet)


# ---- PNGs ------------------------------------------------------------------------------------------------------------


class Pngs(Predictions):
    """<video>/<expression>/<frame>.png"""

    def read(
        self, video: str, expression: str, frames: Mapping[int, str], width: int, height: int
    ) -> Prediction | None:
        folder = self.path / video / expression
        if not folder.is_dir():
            return None
        found: dict[int, AnyMask] = {}
        level = 1
        for frame, name in frames.items():
            path = folder / f"{name}.png"
            if path.is_file():
                dense, value = read_png(path)
                found[frame] = masks.pack(dense)
                _fitting(found[frame], str(path), width, height)
                level = max(level, value)
        return Prediction(found, level) if found else None


def read_png(path: Path) -> tuple[Dense, int]:
    """A mask, and the value that its target pixels have: 1 or 255, and 1 if there are none.

    Numbers of objects are refused, for nobody could say which of them is meant.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            mode, found = image.mode, np.asarray(image)
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise DataError(f"{path}: cannot be decoded ({error}); write it again") from None
    if found.ndim != 2:
        raise DataError(f"{path}: holds colours ({mode}); write one channel, 0 for background and 1 or 255 for target")
    dense = found != 0
    level = int(found.max(initial=0))
    if level not in (0, 1, 255) or (level == 255 and (found[dense] != 255).any()):
        held = ", ".join(str(value) for value in np.unique(found)[:6].tolist())
        raise DataError(f"{path}: holds {held}; a mask has 0 for background, and 1 or 255 for its target")
    return dense, level or 1


def export(path: Path, video: str, expression: str, drawn: Mapping[str, AnyMask]) -> None:
    """Frames' names and masks as PNGs of 0 and 255, as servers take them: path/<video>/<expression>/<frame>.png."""
    import cv2

    folder = path / video / expression
    with on_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, mask in drawn.items():
            done, data = cv2.imencode(".png", masks.decode(mask).astype(np.uint8) * 255)
            assert done, f"a mask of {mask.width}×{mask.height} cannot be written as png"
            (folder / f"{name}.png").write_bytes(data.tobytes())


def stems(frames: Sequence[str], length: int) -> list[str]:
    """What PNGs of a clip's frames are called: as its files are, or by number where it has none."""
    return [Path(name).stem for name in frames] if frames else [f"{number:05}" for number in range(length)]
