"""Which frames are shown, and how large: pure functions of lengths and sizes."""

import math
from collections.abc import Callable

from pydantic import Field, model_validator

from framework.config import Settings
from framework.types import Picture, Role, Video
from framework.vision.boxes import Box, Interval


class Look(Settings):
    """How frames of one role are shown."""

    frames: int = Field(default=8, ge=0)
    """At most this many."""
    max_pixels: int = Field(default=25_088, ge=1)
    """A picture has no more than this; 25 088 is 32 tokens of 28 × 28."""
    min_pixels: int = Field(default=3_136, ge=1)
    """And no fewer, if it must be enlarged."""
    grain: int | None = Field(default=None, ge=1)
    """If set, a frame is reduced to grain × grain cells first: it shows colours, but hardly places."""

    @model_validator(mode="after")
    def _limits_agree(self) -> "Look":
        if self.min_pixels > self.max_pixels:
            raise ValueError(f"min_pixels {self.min_pixels} is more than max_pixels {self.max_pixels}; lower it")
        return self

    def picture(self, video: Video, frame: int, role: Role, unit: int, crop: Box | None = None) -> Picture:
        """The reference to one frame, or a part of it, at the size this look allows."""
        width, height = (crop.x1 - crop.x0, crop.y1 - crop.y0) if crop else (video.width, video.height)
        size = fit(width, height, unit, self.min_pixels, self.max_pixels)
        return Picture(video, frame, size, role, crop, self.grain)


def spread(length: int, count: int) -> list[int]:
    """`count` frames over a clip with both ends among them; all of them if there are no more.

    >>> spread(10, 4)
    [0, 3, 6, 9]
    """
    return within(Interval(0, length - 1), count)


def within(interval: Interval, count: int) -> list[int]:
    """`count` frames of an interval, evenly, ends included; all of them if there are no more."""
    start, length = int(interval.start), len(interval.frames)
    if length <= count:
        return list(interval.frames)
    if count <= 1:
        return [start] * count
    return [start + index * (length - 1) // (count - 1) for index in range(count)]


def percent(segment: Interval, frame: int) -> int:
    """The whole percentage that leads to this frame of a segment of at most a hundred.

    >>> percent(Interval(10, 19), 14)
    40
    """
    return math.ceil(100 * (frame - segment.start) / segment.length)


def at(segment: Interval, percent: float) -> int:
    """The frame so far through a segment; 100 % is its last.

    >>> at(Interval(10, 19), 40), at(Interval(10, 19), 100)
    (14, 19)
    """
    frames = segment.frames
    return frames[min(max(math.floor(len(frames) * percent / 100), 0), len(frames) - 1)]


def shrunk(video: Video, longest: int) -> tuple[int, int]:
    """The size of a clip's frames, made smaller in proportion if their longer side has more than `longest` pixels."""
    scale = min(1.0, longest / max(video.width, video.height))
    return max(1, round(video.width * scale)), max(1, round(video.height * scale))


def fit(width: float, height: float, unit: int, min_pixels: int, max_pixels: int) -> tuple[int, int]:
    """The size nearest to the picture's own whose sides are multiples of `unit` and whose area lies in the limits.

    >>> fit(640, 360, unit=28, min_pixels=3136, max_pixels=25088)
    (196, 112)
    """

    def scaled(scale: float, whole: Callable[[float], float]) -> tuple[int, int]:
        wide, high = (max(unit, int(whole(round(side * scale / unit, 6))) * unit) for side in (width, height))
        return wide, high

    wide, high = scaled(1.0, round)
    if wide * high > max_pixels:
        wide, high = scaled(math.sqrt(max_pixels / (width * height)), math.floor)
    elif wide * high < min_pixels:
        wide, high = scaled(math.sqrt(min_pixels / (width * height)), math.ceil)
    if wide * high > max_pixels:  # a thin picture, whose short side was widened to one unit
        longest = max(unit, max_pixels // min(wide, high) // unit * unit)
        wide, high = min(wide, longest), min(high, longest)
    return wide, high
