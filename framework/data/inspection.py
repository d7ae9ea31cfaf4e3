"""Prepared data looked through, row by row and frame by frame: what could not be played, or would teach what is wrong.

expressions.parquet ─▶ said twice? objects there? any truth? ──┐
objects.parquet ─────▶ of the frames' size? within the clip? ──┼─▶ Inspection(findings, lengths)
every video ─────────▶ does each frame decode? ────────────────┘
"""

import math
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from framework.budget import CHARACTERS
from framework.data import annotation
from framework.data.layout import FAULTS, reason
from framework.data.prepared import Row, Tables, tables, the_video
from framework.errors import DataError, PixelError
from framework.types import Video
from framework.vision.footage import Footage
from framework.vision.sources import opened

LEAST = 28
"""Pixels of the shorter side under which a picture is less than one visual token of the common reasoners."""

Tell = Callable[[int, int], None]
"""Told after each video: how many are done, of how many."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with one row or one video."""

    kind: str
    where: str
    what: str


KINDS = {
    "odd row": "values that are not what their columns promise",
    "broken video": "frames that cannot be decoded, are absent, or are of another size than promised",
    "small picture": f"a side under {LEAST} pixels",
    "odd mask": "runs that do not make a mask, or one of another size than its frame",
    "outside": "frames that the clip does not have",
    "odd box": "a box or point that is not where its mask is, as if counted in another picture",
    "lacking object": "asked for, but in no row of objects",
    "empty truth": "something is asked for, and no annotated frame shows it",
    "said twice": "the same words for the same video",
}


@dataclass(frozen=True, slots=True)
class Inspection:
    """All that was found in one folder."""

    folder: Path
    videos: int
    expressions: int
    objects: int
    findings: tuple[Finding, ...] = ()
    lengths: Counter[int] = field(default_factory=Counter[int])
    """Tokens of an expression → how many have so many."""

    def of(self, kind: str) -> list[Finding]:
        return [each for each in self.findings if each.kind == kind]


def folders(root: Path) -> list[Path]:
    """Every OUT/<dataset>/<split> in this folder, or itself."""
    found = sorted(path.parent for path in root.rglob("expressions.parquet") if "parts" not in path.parts)
    if not found:
        raise DataError(f"{root}: holds no expressions.parquet; give what limner data prepare was given as --out")
    return found


def estimated(text: str) -> int:
    """Tokens of a text, before any tokenizer is loaded."""
    return math.ceil(len(text) / CHARACTERS)


def inspect(
    folder: Path,
    tokens: Callable[[str], int] = estimated,
    quick: bool = False,
    tell: Tell = lambda done, of: None,
) -> Inspection:
    """Everything; if `quick`, of each video only the first, the middle and the last frame."""
    there = tables(str(folder))
    rows = [cast(Row, there.expressions[number]) for number in range(len(there.expressions))]
    videos = {row["video_id"]: row for row in rows}
    return Inspection(
        folder,
        len(videos),
        len(rows),
        len(there.objects),
        (*_videos(videos, quick, tell), *_objects(there, videos), *_expressions(rows, there)),
        Counter(tokens(str(row["expression"])) for row in rows),
    )


def _sound(where: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """These, or that the row makes no sense at all."""
    try:
        yield from findings
    except FAULTS as fault:
        yield Finding("odd row", where, reason(fault))


# ---- frames ----------------------------------------------------------------------------------------------------------


def _videos(videos: Mapping[str, Row], quick: bool, tell: Tell) -> Iterator[Finding]:
    def look(id: str) -> list[Finding]:
        return list(_sound(f"video {id}", _video(videos[id], f"video {id}", quick)))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, findings in enumerate(pool.map(look, videos), 1):
            yield from findings
            tell(done, len(videos))


def _video(row: Row, where: str, quick: bool) -> Iterator[Finding]:
    video = the_video(row)
    if min(video.width, video.height) < LEAST:
        yield Finding("small picture", where, f"its frames are {video.width}×{video.height}")
    wanted = sorted({0, video.length // 2, video.length - 1}) if quick else range(video.length)
    faults = list(_broken(video, wanted))
    if faults:
        more = f"; {len(faults) - 1} more of {len(wanted)} frames are broken" if len(faults) > 1 else ""
        yield Finding("broken video", where, f"{faults[0]}{more}")


def _broken(video: Video, wanted: Sequence[int]) -> Iterator[str]:
    """Why these frames cannot be seen as they were promised."""
    try:
        with closing(opened(video.source)) as footage:
            yield from _odd(footage, video, wanted)
    except (PixelError, DataError) as error:
        yield str(error)


def _odd(footage: Footage, video: Video, wanted: Sequence[int]) -> Iterator[str]:
    if footage.length != video.length:
        yield f"{video.source}: has {footage.length} frames, {video.length} were promised"
    done: set[int] = set()
    for frame in wanted:
        if frame in done or frame >= footage.length:
            continue
        try:
            made = footage.read(frame)
        except PixelError as error:
            yield str(error)
            continue
        done |= made.keys()
        for number, pixels in made.items():
            high, wide = pixels.shape[:2]
            if (wide, high) != (video.width, video.height):
                yield f"{video.source} (frame {number}): is {wide}×{high}, {video.width}×{video.height} were promised"


# ---- objects ---------------------------------------------------------------------------------------------------------


def _objects(there: Tables, videos: Mapping[str, Row]) -> Iterator[Finding]:
    for place in range(len(there.objects)):
        row = cast(Row, there.objects[place])
        where = f"objects row {place} (video {row['video_id']}, object {row['anno_id']})"
        yield from _sound(where, _object(row, where, videos.get(row["video_id"])))


def _object(row: Row, where: str, shown: Row | None) -> Iterator[Finding]:
    width, height = row["width"], row["height"]
    if shown:
        if [height, width] != list(shown["size"]):
            high, wide = shown["size"]
            yield Finding("odd mask", where, f"its masks are {width}×{height}, the frames {wide}×{high}")
        if beyond := [each for each in row["frame_idx"] if not 0 <= each < shown["length"]]:
            yield Finding("outside", where, f"has masks of frames {_few(beyond)}; the clip has {shown['length']}")
    found: dict[str, list[str]] = {"odd mask": [], "odd box": []}
    columns = (row[name] for name in ("frame_idx", "rle", "area", "bbox", "point"))
    for frame, counts, area, box, point in zip(*columns, strict=True):
        if odd := annotation.odd(counts, (width, height), area, box, point):
            kind, what = odd
            found[kind].append(f"frame {frame}: {what}")
    for kind, odd in found.items():
        if odd:
            more = f"; so {len(odd) - 1} more of {len(row['frame_idx'])} frames" if len(odd) > 1 else ""
            yield Finding(kind, where, f"{odd[0]}{more}")


# ---- words -----------------------------------------------------------------------------------------------------------


def _expressions(rows: Sequence[Row], there: Tables) -> Iterator[Finding]:
    first: dict[tuple[str, str], int] = {}
    seen = _seen(there)
    for number, row in enumerate(rows):
        where = f"expressions row {number} (video {row['video_id']}, expression {row['expression_id']})"
        words = (row["video_id"], " ".join(str(row["expression"]).casefold().split()).rstrip(" .?!"))
        if words in first:
            same = rows[first[words]]["anno_ids"] == row["anno_ids"]
            what = f"{row['expression']!r} is row {first[words]} as well, for {'the same' if same else 'other'} objects"
            yield Finding("said twice", where, what)
        first.setdefault(words, number)
        yield from _sound(where, _truth(row, where, seen))


def _seen(there: Tables) -> dict[tuple[str, str], set[int]]:
    """Video and object → the frames in which it is seen."""
    columns = (there.objects[name][:] for name in ("video_id", "anno_id", "frame_idx", "area"))
    return {
        (video, object): {frame for frame, area in zip(frames or (), areas or (), strict=False) if area}
        for video, object, frames, areas in zip(*cast(Any, columns), strict=True)
    }


def _truth(row: Row, where: str, seen: Mapping[tuple[str, str], set[int]]) -> Iterator[Finding]:
    frames = [*row["eval_frame_idx"], *(row["temporal_span"] or ())]
    if beyond := [each for each in frames if not 0 <= each < row["length"]]:
        yield Finding("outside", where, f"speaks of frames {_few(beyond)}; the clip has {row['length']}")
    lacking = [each for each in row["anno_ids"] if (row["video_id"], each) not in seen]
    if lacking:
        yield Finding("lacking object", where, f"asks for {_few(lacking)}")
    if not row["has_gt"] or lacking:
        return
    if not row["eval_frame_idx"] and not (row["temporal_span"] and not row["anno_ids"]):
        yield Finding("empty truth", where, "none of its frames is annotated")
    elif row["anno_ids"] and not any(
        seen[row["video_id"], each].intersection(row["eval_frame_idx"]) for each in row["anno_ids"]
    ):
        yield Finding("empty truth", where, f"none of its annotated frames shows {_few(row['anno_ids'])}")


def _few(these: Sequence[object]) -> str:
    shown = ", ".join(map(str, these[:3]))
    return f"{shown} and {len(these) - 3} more" if len(these) > 3 else shown
