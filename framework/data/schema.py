"""What prepared data looks like: two tables, so that a mask is stored once however many expressions speak of it.

    OUT/<dataset>/<split>/expressions.parquet    one row for each expression: a task
                          objects.parquet        one row for each object of a video, with its masks
                          about.json             licence, counts, what was left out and why

    objects      video "v1", object "7"      seen in frames 0 1 4
    expressions  video "v1", "the dog that leaves", objects 7, annotated frames 0 1 2 4

Here the dog is absent from frame 2, which is annotated, and nobody knows of frame 3. All is in original pixels.

Two objects that no expression speaks of may stand beside a video's own: FOREGROUND, all that is annotated in it, and
IGNORED, pixels that count for nothing.
"""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from framework.errors import DataError
from framework.types import Mask
from framework.vision import coco, masks
from framework.vision.boxes import Space

Name = Literal["objects", "expressions"]


class Table(Protocol):
    """A table of the `datasets` library: table[3] is a row, table["area"] a column."""

    def __len__(self) -> int: ...
    def __getitem__(self, which: int | str) -> Any: ...


FOREGROUND = "foreground"
IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """Something that was outlined."""

    id: str
    masks: Mapping[int, Mask]
    """Frame → its pixels, where it is seen."""
    category: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """Something that was said of a video."""

    id: str
    text: str
    type: str = ""
    """The kind of question, for tables by kind."""
    answer: str = ""
    objects: tuple[str, ...] = ()
    """None, though there is truth: what it asks for is not there."""
    annotated: tuple[int, ...] = ()
    """Frames of which the truth is known; an object without a mask in one of them is absent from it."""
    span: tuple[int, int] | None = None
    """First and last frame of what it speaks of, both in it, if the dataset says so."""
    has_truth: bool = True
    """False where the masks are kept on a server."""
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What only this dataset has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A video or an image with what was outlined in it and said of it."""

    id: str
    media: Literal["video", "image"] = "video"
    frame_root: str = ""
    """The folder of its frames; empty for a video file."""
    frames: tuple[str, ...] = ()
    """Their file names, in order."""
    video_path: str = ""
    """A video file, or a clip of the lab."""
    length: int
    width: int
    height: int
    fps: float | None = None
    objects: tuple[Object, ...] = ()
    expressions: tuple[Expression, ...] = ()


def object_rows(clip: Clip) -> list[dict[str, Any]]:
    """The rows of a clip's objects."""
    space = Space("", (0, 0, clip.width, clip.height), (clip.width, clip.height))
    rows: list[dict[str, Any]] = []
    for each in clip.objects:
        seen = {frame: mask for frame, mask in sorted(each.masks.items()) if masks.area(mask)}
        boxes = [masks.box(mask, space) for mask in seen.values()]
        points = [masks.inner_point(mask, space) for mask in seen.values()]
        rows.append(
            {
                "video_id": clip.id,
                "anno_id": each.id,
                "category": each.category,
                "height": clip.height,
                "width": clip.width,
                "frame_idx": list(seen),
                "rle": [coco.write(mask) for mask in seen.values()],
                "bbox": [[int(side) for side in box.corners] for box in boxes if box],
                "point": [[point.x, point.y] for point in points if point],
                "area": [masks.area(mask) for mask in seen.values()],
            }
        )
    return rows


def expression_rows(clip: Clip, dataset: str, split: str, licence: str) -> list[dict[str, Any]]:
    """The rows of what was said of a clip."""
    return [
        {
            "dataset": dataset,
            "split": split,
            "media": clip.media,
            "video_id": clip.id,
            "expression_id": each.id,
            "expression": each.text,
            "expression_type": each.type,
            "answer": each.answer,
            "frames": list(clip.frames),
            "frame_root": clip.frame_root,
            "video_path": clip.video_path,
            "length": clip.length,
            "fps": clip.fps,
            "size": [clip.height, clip.width],
            "anno_ids": list(each.objects),
            "eval_frame_idx": list(each.annotated),
            "temporal_span": list(each.span) if each.span else None,
            "has_gt": each.has_truth,
            "no_target": each.has_truth and not each.objects and bool(each.annotated),
            "license": licence,
            "extra": json.dumps(each.extra, sort_keys=True, ensure_ascii=False),
        }
        for each in clip.expressions
    ]


def features(table: Name) -> Any:
    """The columns of a table, as the `datasets` library has them."""
    library = _library()
    several, of = library.List, library.Value
    text, whole, yes = of("string"), of("int32"), of("bool")
    if table == "objects":
        return library.Features(
            {
                **dict.fromkeys(("video_id", "anno_id", "category"), text),
                **dict.fromkeys(("height", "width"), whole),
                "frame_idx": several(whole),
                "rle": several(of("binary")),
                "bbox": several(several(whole)),
                "point": several(several(of("float32"))),
                "area": several(whole),
            }
        )
    return library.Features(
        {
            **dict.fromkeys(("dataset", "split", "media", "video_id", "expression_id"), text),
            **dict.fromkeys(("expression", "expression_type", "answer"), text),
            "frames": several(text),
            **dict.fromkeys(("frame_root", "video_path"), text),
            "length": whole,
            "fps": of("float64"),
            "size": several(whole),
            "anno_ids": several(text),
            "eval_frame_idx": several(whole),
            "temporal_span": several(whole),
            **dict.fromkeys(("has_gt", "no_target"), yes),
            "license": text,
            "extra": text,
        }
    )


def write(path: Path, table: Name, rows: list[dict[str, Any]]) -> None:
    """One table, or a part of it."""
    kinds = features(table)
    columns = {name: [row[name] for row in rows] for name in kinds}
    save(path, _library().Dataset.from_dict(columns, features=kinds))


def save(path: Path, table: Table) -> None:
    """A whole table; it appears when all of it is there."""
    unfinished = path.with_suffix(".part")
    with _quietly():
        cast(Any, table).to_parquet(str(unfinished))
    unfinished.rename(path)


def read(*paths: Path, cache: Path | None = None) -> Table:
    """A table, from all its parts; rows stay on disk until they are asked for, in the library's cache if not said."""
    kinds = [_kinds(path) for path in paths]
    library = _library()
    if not any(rows for rows, _ in kinds):
        return library.Dataset.from_dict({name: [] for name in kinds[0][1]}, features=kinds[0][1])
    with _quietly():
        return library.Dataset.from_parquet([str(path) for path in paths], cache_dir=str(cache) if cache else None)


def _kinds(path: Path) -> tuple[int, Any]:
    """How many rows a file has, and its columns; it is called by its table's name."""
    import pyarrow.parquet as parquet  # pyright: ignore[reportMissingTypeStubs]

    try:
        file = cast(Any, parquet).ParquetFile(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: is no whole table ({str(error).partition('.')[0]}); prepare it again") from None
    with file:
        rows, found = file.metadata.num_rows, _library().Features.from_arrow_schema(file.schema_arrow)
    if lacking := [name for name in features(cast(Name, path.stem)) if name not in found]:
        raise DataError(f"{path}: lacks the column {', '.join(lacking)}; prepare it again")
    return rows, found


@contextmanager
def _quietly() -> Generator[None]:
    """Without the library's own progress bars."""
    library = _library()
    barred = library.are_progress_bars_disabled()
    library.disable_progress_bars()
    try:
        yield
    finally:
        if not barred:
            library.enable_progress_bars()


def _library() -> Any:
    import datasets  # pyright: ignore[reportMissingTypeStubs]

    return cast(Any, datasets)
