"""GroundMoRe: questions about an action; what is asked for counts only while the action lasts.

    test_v2.json    annotations/<video>/images/frame_000000.jpg    annotations/<video>/masks/frame_000000.png

Six frames a second. A video's name ends with the clock at which it begins and ends, as in …_0132_0147, and an action's
clock is that of the whole film: from 1:35 to 1:38 is from frame 18 to frame 35. Masks are PNGs of numbered objects,
called by the frame's place: frame_000018.png, or 0000018.png. A frame of the action without one shows nothing, and so
do all frames outside of it.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from framework.data.files import all_frames, first_there, indexed, json_of, mapping
from framework.data.layout import FAULTS, Found, Layout, LeftOut, reason
from framework.data.meta_expressions import several, text_of
from framework.data.outlines import apart, number_of
from framework.data.schema import Clip, Expression, Object
from framework.errors import DataError
from framework.types import Mask, Video
from framework.vision.frames import probe

FPS = 6


class GroundMoRe(Layout):
    name = "groundmore"
    licence = "not stated by its publishers; ask them before anything but looking"
    splits = ("train", "test")

    def __init__(self, root: Path, split: str) -> None:
        super().__init__(root, split)
        names = (f"{split}_v2.json", f"groundmore_{split}.json", f"{split}.json")
        path = first_there(*(root / name for name in names))
        given = mapping(json_of(path), str(path))
        self.meta = mapping(given.get("videos", given), str(path))

    def videos(self, limit: int | None = None) -> Sequence[str]:
        return list(self.meta)[:limit]

    def expressions(self, video: str) -> Sequence[str]:
        return list(self._questions(video))

    def _questions(self, video: str) -> dict[str, dict[str, Any]]:
        given = mapping(mapping(self.meta[video], f"video {video}").get("questions"), f"video {video}, questions")
        return {name: mapping(each, f"video {video}, question {name}") for name, each in given.items()}

    def clip(self, video: str) -> Found:
        folder = first_there(self.root / "annotations" / video, self.root / video)
        files = all_frames(folder / "images")
        if not files:
            raise DataError(f"{folder / 'images'}: holds no frames")
        if not (folder / "masks").is_dir():
            raise DataError(f"{folder / 'masks'}: there is no such folder of masks")
        shown = probe(folder / "images" / files[0])
        masks = Masks(folder / "masks", shown)
        began = began_at(video)
        objects: dict[str, Object] = {}
        expressions: list[Expression] = []
        left_out: list[LeftOut] = []
        for name, said in self._questions(video).items():
            try:
                span = _span(said, began, len(files))
                asked = [_object(masks, each, span) for each in several(said["obj_id"])]
                objects |= {each.id: each for each in asked}
                expressions.append(_expression(name, said, asked, span, len(files)))
            except FAULTS as fault:
                left_out.append(LeftOut(video, name, reason(fault)))
        clip = Clip(
            id=video,
            frame_root=str(folder / "images"),
            frames=files,
            length=len(files),
            width=shown.width,
            height=shown.height,
            fps=float(FPS),
            objects=tuple(objects.values()),
            expressions=tuple(expressions),
        )
        return Found(clip, tuple(left_out))


def _expression(name: str, said: dict[str, Any], asked: list[Object], span: tuple[int, int], length: int) -> Expression:
    return Expression(
        id=name,
        text=text_of(said),
        type=str(said.get("q_type", "")).lower(),
        answer=str(said.get("answer", "")),
        objects=tuple(each.id for each in asked),
        annotated=tuple(range(length)),
        span=span,
    )


def _object(masks: "Masks", number: str, span: tuple[int, int]) -> Object:
    """What is seen of it while the action lasts; so an object is another in another action."""
    first, last = span
    wanted = number_of(number)
    seen = {frame: found[wanted] for frame in range(first, last + 1) if wanted in (found := masks.of(frame))}
    if not seen:
        there = sorted({each for frame in range(first, last + 1) for each in masks.of(frame)})
        raise DataError(f"{masks.folder}: object {number} is in no mask of frames {first}–{last} (there are: {there})")
    return Object(id=f"{number}:{first}-{last}", masks=seen)


class Masks:
    """The PNGs of one video, each read once."""

    def __init__(self, folder: Path, shown: Video) -> None:
        self.folder, self.size = folder, (shown.width, shown.height)
        stems = {path: re.search(r"\d+$", path.stem) for path in sorted(folder.glob("*.png"))}
        self.paths = {int(number[0]): path for path, number in stems.items() if number}
        self.of = lru_cache(maxsize=None)(self._of)

    def _of(self, frame: int) -> dict[int, Mask]:
        return apart(indexed(self.paths[frame], self.size)) if frame in self.paths else {}


def _span(said: dict[str, Any], began: int, length: int) -> tuple[int, int]:
    """First and last frame of an action."""
    start, end = (seconds(str(said.get(key, ""))) - began for key in ("action_start", "action_end"))
    first, last = max(start * FPS, 0), min(end * FPS - 1, length - 1)
    if last < first:
        raise DataError(f"its action, {start}–{end} s, does not lie in the clip's {length} frames")
    return first, last


def began_at(video: str) -> int:
    """When a clip begins, from the end of its name.

    >>> began_at("3dOB9RwIq1c_0132_0147")
    92
    """
    found = re.fullmatch(r".*?(\d{2})(\d{2})_\d{4}", video)
    if not found:
        raise DataError(
            f"video {video}: its name does not end with the clock of its beginning and end, as in _0132_0147"
        )
    return 60 * int(found[1]) + int(found[2])


def seconds(clock: str) -> int:
    """A clock in seconds.

    >>> seconds("1:32"), seconds("01:00:02")
    (92, 3602)
    """
    parts = clock.split(":")
    if not all(part.strip().isdecimal() for part in parts) or len(parts) > 3:
        raise DataError(f"{clock!r} is no clock such as 1:32")
    total = 0
    for part in parts:
        total = 60 * total + int(part)
    return total
