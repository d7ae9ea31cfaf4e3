"""TimeLens-100K: when in a film does it happen? Spans of time and no masks.

    timelens-100k.jsonl    {"video_path": "a/b.mp4", "events": [{"query": "…", "span": [[3.0, 7.5]]}, …]}, a line each
    video/a/b.mp4

A span in seconds becomes the frames of the film itself that begin in it. Of an event that happens more than once a
single span would be half of the truth: it is left out. So is a film whose frames are so unevenly spaced that a prompt,
which counts frames by their rate, would show wrong times.
"""

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from framework.data.files import first_there, mapping
from framework.data.layout import FAULTS, Found, Layout, LeftOut, reason
from framework.data.meta_expressions import text_of
from framework.data.schema import Clip, Expression
from framework.errors import DataError
from framework.vision.footage import Footage
from framework.vision.frames import measured
from framework.vision.sources import opened

OFF = 0.1
"""Seconds: to a tenth of one, a prompt says when a frame is shown."""
ROUNDED = 1e-3
"""Seconds to which some films round their frames' times."""


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
        self.events: dict[str, list[dict[str, Any]]] = {}
        """Film → what happens in it; a film of several lines has the events of all."""
        for number, line in enumerate(self.path.read_bytes().splitlines(), 1):
            try:
                film, events = _read(line) if line.strip() else ("", [])
            except FAULTS as fault:
                why = f"{self.path}, line {number}: {reason(fault)}; mend the line or leave it out"
                raise DataError(why) from None
            if events:
                self.events.setdefault(film, []).extend(events)

    def videos(self, limit: int | None = None) -> Sequence[str]:
        return list(self.events)[:limit]

    def expressions(self, video: str) -> Sequence[str]:
        return [str(number) for number, _ in enumerate(self.events[video])]

    def clip(self, video: str) -> Found:
        path = str(self.films / video)
        with closing(opened(path)) as film:
            shown, seconds = measured(film, path), _even(film)
        expressions: list[Expression] = []
        left_out: list[LeftOut] = []
        for name, event in zip(self.expressions(video), self.events[video], strict=True):
            try:
                span = frames(event["span"], seconds)
                expressions.append(Expression(id=name, text=text_of(event, ("query",)), type="event", span=span))
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


def _read(line: bytes) -> tuple[str, list[dict[str, Any]]]:
    """A film and what happens in it."""
    given = mapping(json.loads(line), "its entry")
    return str(given["video_path"]), [mapping(each, "an event") for each in given["events"]]


def _even(film: Footage) -> NDArray[np.float64]:
    """When its frames are shown, if a prompt that counts them says the same."""
    if not film.fps:
        raise DataError("has no frame rate, so no prompt can say when a frame is shown; write the film again")
    off = float(np.abs(film.seconds - np.arange(film.length) / film.fps).max())
    if off > OFF:
        raise DataError(
            f"its frames are unevenly spaced: at {film.fps:g} a second, one would be shown {off:.1f} s from where it "
            "is; write the film again at a constant rate"
        )
    return film.seconds


def frames(spans: Any, seconds: NDArray[np.float64]) -> tuple[int, int]:
    """First and last frame of the one span, both in it.

    >>> frames([[1.0, 2.5]], np.arange(20) / 4)
    (4, 9)
    """
    several = cast(list[Any], spans)
    if len(several) != 1:
        raise DataError(f"it happens {len(several)} times, where one span is needed")
    start, end = (float(each) for each in several[0])
    first, after = (int(np.searchsorted(seconds, each - ROUNDED)) for each in (start, end))
    last = min(max(after - 1, first), len(seconds) - 1)
    if first > last or not 0 <= start <= end:
        raise DataError(f"its span, {start:g}–{end:g} s, does not lie in the film's {len(seconds)} frames")
    return first, last
