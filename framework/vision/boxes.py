"""Boxes, points and intervals that know what they are measured in.

A Space is a rectangle of one picture and the units it is counted in. The same box of frame 3 of a 640×360 clip:

    original pixels          Space("clip#3", (0, 0, 640, 360), (640, 360))       (160, 90, 320, 180)
    0–1000 of the picture    Space("clip#3", (0, 0, 640, 360), (1000, 1000))     (250, 250, 500, 500)
    as the processor saw it  Space("clip#3", (0, 0, 640, 360), (448, 252))       (112, 63, 224, 126)
    in a crop, seen larger   Space("clip#3", (160, 90, 480, 270), (336, 189))    (0, 0, 168, 94.5)

`to` goes between spaces of one picture, so zoom, select and resize compose and invert; two pictures never mix.
"""

import math
from dataclasses import dataclass
from typing import Literal

from framework.errors import GeometryError

Corners = tuple[float, float, float, float]
"""x0, y0, x1, y1; x1 and y1 lie outside, so width is x1 - x0."""


@dataclass(frozen=True, slots=True)
class Space:
    """A frame of reference."""

    picture: str
    """Which picture, as "video#frame"; boxes of two pictures never meet."""
    region: Corners
    """The rectangle this space covers, in original pixels."""
    units: tuple[float, float]
    """How many units the region is wide and high."""

    @property
    def frame(self) -> int:
        """Which frame of its video this is of."""
        return int(self.picture.rpartition("#")[2])

    def counted_in(self, width: float, height: float) -> "Space":
        """The same region in other units: .counted_in(1000, 1000)."""
        return Space(self.picture, self.region, (width, height))

    def part(self, box: "Box") -> "Space":
        """The space of a crop, in original pixels: crops of crops compose."""
        x0, y0, x1, y1 = region = box.to(self.original()).corners
        if x1 <= x0 or y1 <= y0:
            raise GeometryError(
                f"{self.picture}: a crop of {box.corners} has no area, so nothing can be measured in it"
            )
        return Space(self.picture, region, (x1 - x0, y1 - y0))

    def original(self) -> "Space":
        """Original pixels with the picture's own origin, whatever crop this space is of."""
        return Space(self.picture, (0.0, 0.0, 1.0, 1.0), (1.0, 1.0))

    def whole(self) -> "Box":
        return Box(0.0, 0.0, *self.units, space=self)

    def carry(self, x: float, y: float, other: "Space") -> tuple[float, float]:
        """A position of this space, in the other's units."""
        if self.picture != other.picture:
            raise GeometryError(f"a position on {self.picture} has no place on {other.picture}")
        return _across(x, 0, self, other), _across(y, 1, self, other)


def _across(value: float, axis: Literal[0, 1], here: Space, there: Space) -> float:
    low, high = here.region[axis], here.region[axis + 2]
    pixel = low + value * (high - low) / here.units[axis]
    low, high = there.region[axis], there.region[axis + 2]
    return (pixel - low) * there.units[axis] / (high - low)


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float
    space: Space

    def to(self, space: Space) -> "Point":
        return Point(*self.space.carry(self.x, self.y, space), space=space)


@dataclass(frozen=True, slots=True)
class Box:
    x0: float
    y0: float
    x1: float
    y1: float
    space: Space

    @property
    def corners(self) -> Corners:
        return self.x0, self.y0, self.x1, self.y1

    @property
    def area(self) -> float:
        return max(self.x1 - self.x0, 0.0) * max(self.y1 - self.y0, 0.0)

    @property
    def centre(self) -> Point:
        return Point((self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2, self.space)

    def to(self, space: Space) -> "Box":
        return Box(
            *self.space.carry(self.x0, self.y0, space),
            *self.space.carry(self.x1, self.y1, space),
            space=space,
        )

    def clamped(self) -> "Box":
        """Cut to the space it lies in; a box outside becomes one without area."""
        width, height = self.space.units
        return Box(
            min(max(self.x0, 0.0), width),
            min(max(self.y0, 0.0), height),
            min(max(self.x1, 0.0), width),
            min(max(self.y1, 0.0), height),
            space=self.space,
        )

    def iou(self, other: "Box") -> float:
        """Intersection over union, in this box's space; 0 if the union has no area."""
        other = other.to(self.space)
        wide = min(self.x1, other.x1) - max(self.x0, other.x0)
        high = min(self.y1, other.y1) - max(self.y0, other.y0)
        shared = max(wide, 0.0) * max(high, 0.0)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0

    def holds(self, point: Point) -> bool:
        x, y = point.space.carry(point.x, point.y, self.space)
        return self.x0 <= x <= self.x1 and self.y0 <= y <= self.y1


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of a clip: frame indices with both ends in it, or seconds.

    >>> Interval(2, 5).iou(Interval(4, 7))      # frames 4 5 of frames 2 … 7
    0.3333333333333333
    """

    start: float
    end: float
    unit: Literal["frame", "second"] = "frame"

    @property
    def length(self) -> float:
        return max(self.end - self.start + (1 if self.unit == "frame" else 0), 0.0)

    @property
    def frames(self) -> range:
        """The frame indices in it."""
        if self.unit != "frame":
            raise GeometryError("seconds have no frame indices; use in_frames(fps)")
        return range(int(self.start), int(self.end) + 1)

    def in_seconds(self, fps: float | None) -> "Interval":
        if self.unit == "second":
            return self
        if not fps:
            raise GeometryError("frames have no seconds in a clip whose frame rate is not known")
        return Interval(self.start / fps, (self.end + 1) / fps, "second")

    def in_frames(self, fps: float | None) -> "Interval":
        """The frames that begin in it: the inverse of in_seconds on whole frames."""
        if self.unit == "frame":
            return self
        if not fps:
            raise GeometryError("seconds have no frames in a clip whose frame rate is not known")
        first = math.ceil(self.start * fps - 1e-6)
        return Interval(first, max(math.ceil(self.end * fps - 1e-6) - 1, first))

    def iou(self, other: "Interval") -> float:
        if self.unit != other.unit:
            raise GeometryError(f"an interval in {self.unit}s does not meet one in {other.unit}s")
        low, high = max(self.start, other.start), min(self.end, other.end)
        shared = Interval(low, high, self.unit).length
        union = self.length + other.length - shared
        return shared / union if union > 0 else 0.0
