"""Tasks from prepared data: a public dataset in our two tables, or your own.

    data:
      train: {use: prepared, root: ./prepared, dataset: mevis, split: train}

    expressions.parquet ─▶ row 17 ─▶ Task("mevis/train/v1/0", "the dog that leaves", Video, Truth)
    objects.parquet ────────▲ the masks of its objects, drawn together

Frames are references; only the rows that are asked for are read.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from framework.data import schema
from framework.data.schema import Table
from framework.errors import DataError
from framework.source import Source
from framework.types import AnyMask, Mask, Task, Truth, Video
from framework.vision import coco, masks
from framework.vision.boxes import Box, Interval, Point

Row = Mapping[str, Any]


class Prepared(Source):
    """What `limner data prepare` wrote."""

    root: str
    """The folder that was given to it as --out."""
    dataset: str
    split: str = "train"
    asked: str = "{expression}"
    """The question as it is put, with {expression} in its place."""

    def size(self) -> int:
        return len(self._tables.expressions)

    def task(self, index: int) -> Task:
        tables = self._tables
        if not 0 <= index < self.size():
            raise DataError(f"{self._folder}: there is no row {index} among {self.size():,}; ask for a lower one")
        row = cast(Row, tables.expressions[index])
        video = the_video(row)
        return Task(
            id="/".join((self.dataset, self.split, row["video_id"], row["expression_id"])),
            question=self.asked.replace("{expression}", row["expression"]),
            video=video,
            truth=the_truth(row, tables.objects_of(row), video),
        )

    @property
    def _folder(self) -> Path:
        return Path(self.root).expanduser() / self.dataset / self.split

    @property
    def _tables(self) -> "Tables":
        return tables(str(self._folder))


def place(task: str) -> tuple[str, str]:
    """The video and the expression of a task, by its id.

    >>> place("ref_sav/train/sav/v1/0")
    ('sav/v1', '0')
    """
    video, _, expression = task.split("/", 2)[2].rpartition("/")
    return video, expression


@dataclass(frozen=True, slots=True)
class Tables:
    """The two tables of a folder, opened."""

    folder: Path
    expressions: Table
    objects: Table
    places: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """Video and object → row of `objects`."""

    def objects_of(self, row: Row) -> list[Row]:
        """The rows of the objects that an expression speaks of."""
        return [self.object(row["video_id"], each) for each in row["anno_ids"]]

    def object(self, video: str, object: str) -> Row:
        place = self.places.get((video, object))
        if place is None:
            raise DataError(f"{self.folder}: there is no object {object} of video {video}; prepare the data again")
        return cast(Row, self.objects[place])

    @property
    def about(self) -> dict[str, Any]:
        """about.json."""
        return json.loads((self.folder / "about.json").read_text())


@lru_cache(maxsize=64)
def tables(folder: str) -> Tables:
    """The tables of OUT/<dataset>/<split>."""
    there = Path(folder)
    paths = [there / "expressions.parquet", there / "objects.parquet"]
    for path in paths:
        if not path.is_file():
            raise DataError(f"{path}: there is no such file; write it with limner data prepare, or mend data's root")
    expressions, objects = (schema.read(path) for path in paths)
    owners = zip(objects["video_id"][:], objects["anno_id"][:], strict=True)
    return Tables(there, expressions, objects, {owner: place for place, owner in enumerate(owners)})


def the_video(row: Row) -> Video:
    """Where the frames of an expression's row come from."""
    height, width = row["size"]
    source = row["video_path"] or row["frame_root"]
    if row["media"] == "image":
        source = str(Path(row["frame_root"]) / row["frames"][0])
    return Video(source, row["length"], width, height, row["fps"] or None)


def the_truth(row: Row, objects: Sequence[Row], video: Video) -> Truth:
    """What is known of an expression: of annotated frames all, of others only what the nearest of these says.

    That is whether the target is there; masks, boxes and points are of annotated frames alone.
    """
    if not row["has_gt"]:
        return Truth(answer=row["answer"], kind=row["expression_type"])
    known = np.array(sorted(row["eval_frame_idx"]), np.int64)
    seen = [outlines(each) for each in objects]
    whole = {int(frame): _whole(frame, seen, video) for frame in known}
    visible = [frame for frame, mask in whole.items() if masks.area(mask)]
    return Truth(
        present=_present(known, visible, video.length),
        boxes={frame: _boxes(seen, frame, video) for frame in visible},
        points={frame: _points(objects, frame, video) for frame in visible},
        masks=whole,
        interval=Interval(*row["temporal_span"]) if row["temporal_span"] else None,
        answer=row["answer"],
        kind=row["expression_type"],
    )


def outlines(row: Row) -> dict[int, Mask]:
    """Frame → mask of one object's row."""
    width, height = row["width"], row["height"]
    return {frame: coco.read(counts, width, height) for frame, counts in zip(row["frame_idx"], row["rle"], strict=True)}


def _whole(frame: int, seen: Sequence[Mapping[int, Mask]], video: Video) -> AnyMask:
    return masks.together([each[frame] for each in seen if frame in each], video.width, video.height)


def _present(known: NDArray[np.int64], visible: Sequence[int], length: int) -> tuple[bool, ...]:
    if not known.size:
        return ()
    between = (known[1:] + known[:-1]) / 2
    nearest = known[np.searchsorted(between, np.arange(length))]
    return tuple(np.isin(nearest, visible).tolist())


def _boxes(seen: Sequence[Mapping[int, Mask]], frame: int, video: Video) -> tuple[Box, ...]:
    space = video.space(frame)
    found = (masks.box(each[frame], space) for each in seen if frame in each)
    return tuple(box for box in found if box)


def _points(objects: Sequence[Row], frame: int, video: Video) -> tuple[Point, ...]:
    space = video.space(frame)
    places = [(row, row["frame_idx"].index(frame)) for row in objects if frame in row["frame_idx"]]
    return tuple(Point(*row["point"][place], space=space) for row, place in places)
