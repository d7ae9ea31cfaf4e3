"""A public dataset turned into our two tables, video by video, so that it can be broken off and taken up again.

    Layout ─▶ 50 videos ─▶ parts/00000/ ─┐
              50 videos ─▶ parts/00001/ ─┼─▶ objects.parquet, expressions.parquet, left_out.jsonl, about.json
              …                          ┘

What cannot be read is left out and named; the rest goes on. Said again, it goes on where it was broken off, and does
nothing if all is there.
"""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from framework.data import schema
from framework.data.layout import FAULTS, Found, Layout, LeftOut, reason
from framework.data.schema import Clip
from framework.errors import DataError, PixelError, UserError
from framework.files import whole
from framework.vision.sources import opened
from framework.vision.stills import Stills

PART = 50
"""Videos of a part."""
FEW = 5
"""Rows left out that are shown; all of them are in left_out.jsonl."""

Tell = Callable[[int, int], None]
"""Told after each video: how many are done, of how many."""


def prepare(
    layout: Layout, out: Path, limit: int | None = None, again: bool = False, tell: Tell = lambda done, of: None
) -> dict[str, Any]:
    """Writes OUT/<dataset>/<split>, or what is still lacking of it; the result is its about.json.

    `again` begins anew, as it should after what was left out has been mended.
    """
    folder = out / layout.name / layout.split
    if again:
        (folder / "about.json").unlink(missing_ok=True)
        shutil.rmtree(folder / "parts", ignore_errors=True)
    videos = layout.videos(limit)
    if not videos:
        raise DataError(f"{layout.root}: {layout.name} has no videos in split {layout.split}; give the folder that has")
    plan = _plan(layout, videos)
    if (about := folder / "about.json").is_file() and (made := json.loads(about.read_text()))["plan"] == plan:
        tell(len(videos), len(videos))
        return made
    try:
        parts = _parts(folder, plan)
        paths = [parts / f"{number:05}" for number in range(-(-len(videos) // PART))]
        for number, path in enumerate(paths):
            some = videos[number * PART : (number + 1) * PART]
            if path.is_dir():
                tell(number * PART + len(some), len(videos))
                continue
            _write(path, layout, some, folder, lambda done, at=number * PART: tell(at + done, len(videos)))
        return _joined(folder, layout, paths, plan)
    except OSError as error:
        if isinstance(error, PixelError):
            raise
        where = error.filename or folder
        raise UserError(f"{where}: {error.strerror or error}; make room or rights there, and say it again") from None


def _plan(layout: Layout, videos: Sequence[str]) -> dict[str, Any]:
    """What is made of what; parts of another plan are no parts of this."""
    names = hashlib.sha256("\n".join(videos).encode()).hexdigest()[:16]
    return {"root": str(layout.root.resolve()), "videos": len(videos), "names": names, "part": PART}


def _parts(folder: Path, plan: dict[str, Any]) -> Path:
    parts = folder / "parts"
    kept = parts / "plan.json"
    if not kept.is_file() or json.loads(kept.read_text()) != plan:
        shutil.rmtree(parts, ignore_errors=True)
        parts.mkdir(parents=True)
        with whole(kept) as part:
            part.write_text(json.dumps(plan))
    return parts


def _write(path: Path, layout: Layout, videos: Sequence[str], folder: Path, tell: Callable[[int], None]) -> None:
    """One part; it appears when all of it is there."""
    unfinished = path.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    objects: list[dict[str, Any]] = []
    expressions: list[dict[str, Any]] = []
    left_out: list[LeftOut] = []
    for done, video in enumerate(videos, 1):
        given = found(layout, video)
        if isinstance(given, Found):
            clip = _listed(given.clip, folder)
            objects += schema.object_rows(clip)
            expressions += schema.expression_rows(clip, layout.name, layout.split, layout.licence)
            left_out += given.left_out
        else:
            left_out += given
        tell(done)
    schema.write(unfinished / "objects.parquet", "objects", objects)
    schema.write(unfinished / "expressions.parquet", "expressions", expressions)
    (unfinished / "left_out.jsonl").write_text("".join(f"{json.dumps(asdict(each))}\n" for each in left_out))
    unfinished.rename(path)


def found(layout: Layout, video: str) -> Found | list[LeftOut]:
    """A video's clip, or why none of its expressions becomes a row."""
    try:
        return layout.clip(video)
    except (*FAULTS, PixelError) as fault:
        why = reason(fault)
    try:
        names = layout.expressions(video) or ["?"]
    except FAULTS:
        names = ["?"]
    return [LeftOut(video, name, why) for name in names]


def _listed(clip: Clip, folder: Path) -> Clip:
    """The clip, with a list of its frames if its folder holds others as well."""
    if clip.media == "image" or not clip.frame_root:
        return clip
    footage = opened(clip.frame_root)
    if isinstance(footage, Stills) and tuple(file.name for file in footage.files) == clip.frames:
        return clip
    path = (folder / "frames" / f"{clip.id.replace('/', '%2F')}.frames").resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{Path(clip.frame_root).resolve() / name}\n" for name in clip.frames))
    return replace(clip, video_path=str(path))


def _joined(folder: Path, layout: Layout, paths: Sequence[Path], plan: dict[str, Any]) -> dict[str, Any]:
    """All parts as one, and what is to be known about them."""
    left_out = "".join((path / "left_out.jsonl").read_text() for path in paths)
    (folder / "left_out.jsonl").write_text(left_out)
    first = [json.loads(line) for line in left_out.splitlines()[:FEW]]
    cache = folder / "parts" / "cache"
    expressions = schema.read(*(path / "expressions.parquet" for path in paths), cache=cache)
    if not len(expressions):
        shutil.rmtree(folder / "parts")
        lines = "".join(f"\n        {each['video']} {each['expression']}: {each['why']}" for each in first)
        raise DataError(f"{layout.root}: every expression of {layout.name} {layout.split} was left out:{lines}")
    objects = schema.read(*(path / "objects.parquet" for path in paths), cache=cache)
    rates = zip(expressions["video_id"][:], expressions["media"][:], expressions["fps"][:], strict=True)
    untimed = {video for video, media, rate in rates if media == "video" and not rate}
    types: list[str] = expressions["expression_type"][:]
    about: dict[str, Any] = {
        "dataset": layout.name,
        "split": layout.split,
        "licence": layout.licence,
        "videos": len(set(expressions["video_id"][:])),
        "expressions": len(expressions),
        "objects": len(objects),
        "masks": sum(len(each) for each in objects["frame_idx"][:]),
        "videos without a frame rate": len(untimed),
        "with truth": sum(expressions["has_gt"][:]),
        "types": dict(sorted(Counter(types).items())),
        "left out": len(left_out.splitlines()),
        "left out first": first,
        "plan": plan,
    }
    for table, name in ((objects, "objects"), (expressions, "expressions")):
        schema.save(folder / f"{name}.parquet", table)
    with whole(folder / "about.json") as part:
        part.write_text(json.dumps(about, indent=2, ensure_ascii=False))
    shutil.rmtree(folder / "parts")
    return about
