"""TimeLens-100K: when in a film does it happen? Spans of time and no masks.

    timelens-100k.jsonl    {"video_path": "a/b.mp4", "events": [{"query": "…", "span": [[3.0, 7.5]]}, …]}, a line each
    video/a/b.mp4

A span in seconds becomes the frames of the film itself that begin in it. Of an event that happens more than once a
single span would be half of the truth: it is left out.
"""

import json
import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from framework.data.files import first_there, mapping
from framework.data.layout import FAULTS, Found, Layout, LeftOut, reason
from framework.data.schema import Clip, Expression
from framework.errors import DataError
from framework.types import Video
from framework.vision.frames import probe


class TimeLens(Layout):
    name = "timelens"
    licence = "annotations BSD-3-Clause, as their card says; videos under the terms of their sources"
    splits = ("train",)

    def __init__(self, root: Path, split: str) -> None:
        super().__init__(root, split)
        self.path = first_there(root / "timelens-100k.jsonl", root / "TimeLens-100K.jsonl")
        if not self.path.is_file():
            raise DataError(f"{self.path}: there is no such file; unpack the dataset so that it lies there")
        self.films = first_there(root / "video", root / "videos")

    @cached_property
    def events(self) -> dict[str, list[dict[str, Any]]]:
        """Film → what happens in it; a film of several lines has the events of all."""
        found: dict[str, list[dict[str, Any]]] = {}
        for number, line in enumerate(self.path.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip():
                given = mapping(json.loads(line), f"{self.path}, line {number}")
                there = found.setdefault(str(given["video_path"]), [])
                there += [mapping(each, f"{self.path}, line {number}, an event") for each in given["events"]]
        return found

    def videos(self, limit: int | None = None) -> Sequence[str]:
        return list(self.events)[:limit]

    def expressions(self, video: str) -> Sequence[str]:
        return [str(number) for number, _ in enumerate(self.events[video])]

    def clip(self, video: str) -> Found:
        shown = probe(self.films / video)
        expressions: list[Expression] = []
        left_out: list[LeftOut] = []
        for name, event in zip(self.expressions(video), self.events[video], strict=True):
            try:
                span = frames(event["span"], shown)
                expressions.append(Expression(id=name, text=str(event["query"]).strip(), type="event", span=span))
            except FAULTS as fault:
                left_out.append(LeftOut(video, name, reason(fault)))
        clip = Clip(
            id=video,
            video_path=shown.source,
            length=shown.length,
            width=shown.width,
            height=shown.height,
            fps=shown.fps,
            expressions=tuple(expressions),
        )
        return Found(clip, tuple(left_out))


def frames(spans: Any, shown: Video) -> tuple[int, int]:
    """First and last frame of the one span, both in it.

    >>> frames([[1.0, 2.5]], Video("film", length=20, width=8, height=8, fps=4.0))
    (4, 9)
    """
    several = cast(list[Any], spans)
    if len(several) != 1:
        raise DataError(f"it happens {len(several)} times, where one span is needed")
    start, end = (float(each) for each in several[0])
    first, last = math.ceil(start * shown.fps - 1e-6), math.ceil(end * shown.fps - 1e-6) - 1
    last = min(max(last, first), shown.length - 1)
    if not 0 <= first <= last or end < start:
        raise DataError(f"its span, {start:g}–{end:g} s, does not lie in the film's {shown.length} frames")
    return first, last
