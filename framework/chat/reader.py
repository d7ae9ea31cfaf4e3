"""Reads what stands inside an action: frames, intervals, boxes and points, as a game spells them.

{"keyframe": 3, "bbox_2d": [x0, y0, x1, y1]} ─▶ Answer(items=(Item(box=Box(…)),), keyframe=3)
"""

from collections.abc import Mapping

from framework.chat.blocks import Json, Unreadable, decoded, index, mapping, numbers, several
from framework.chat.spelling import Place, Spelling
from framework.types import Answer, Item, Select, Zoom
from framework.vision.boxes import Box, Interval, Point, Space

KEYS, OF_OBJECTS = ("answer", "keyframe", "objects"), ("bbox_2d", "point_2d", "neg_point_2d")
"""What an answer may say, beside the ends of its interval."""


class Reader:
    """Reads the inside of a block; Unreadable if it is no such action."""

    def __init__(self, spelling: Spelling, length: int, place: Place) -> None:
        self.spelling, self.length, self.place = spelling, length, place
        self.spaces: dict[int | None, Space] = {}

    def select(self, body: str) -> Select:
        said = mapping(decoded(body))
        interval = self.interval(said)
        if interval is None and self.spelling.intervals:
            raise Unreadable("needs {} and {}".format(*self.spelling.ends))
        keyframe = self.frame(said, "keyframe")
        return Select(interval or Interval(keyframe, keyframe), keyframe)

    def zoom(self, body: str) -> Zoom:
        said = mapping(decoded(body))
        frame = self.frame(said, "frame")
        box = self.box(said.get("bbox_2d"), frame)
        if box.area <= 0:
            raise Unreadable("the box has no area inside the picture")
        return Zoom(frame, box)

    def answer(self, body: str) -> Answer:
        if not body.startswith(("{", "[")):
            return Answer(text=body)
        said = decoded(body)
        if isinstance(said, list):
            return Answer(items=self.items(said, None))
        said = mapping(said)
        if not said.keys() & {*KEYS, *OF_OBJECTS, *self.spelling.ends}:
            raise Unreadable(f"needs one of {', '.join((*KEYS, *OF_OBJECTS, *self.spelling.ends))}")
        keyframe = self.frame(said, "keyframe") if "keyframe" in said else None
        objects = said.get("objects", [said] if said.keys() & set(OF_OBJECTS) else [])
        if not isinstance(objects, list):
            raise Unreadable("objects needs a list")
        items = self.items(objects, keyframe)
        text = said.get("answer", "")
        return Answer(text=str(text), items=items, interval=self.interval(said), keyframe=keyframe)

    def items(self, said: list[Json], frame: int | None) -> tuple[Item, ...]:
        return tuple([self.item(mapping(each), frame) for each in said])  # a list: read for every reply of a run

    def item(self, said: Mapping[str, Json], frame: int | None) -> Item:
        box = self.box(said["bbox_2d"], frame) if "bbox_2d" in said else None
        point = self.point(said["point_2d"], frame) if "point_2d" in said else None
        beside = several(said.get("neg_point_2d"))
        return Item(box=box, point=point, negatives=tuple([self.point(each, frame) for each in beside]))

    def interval(self, said: Mapping[str, Json]) -> Interval | None:
        first, last = self.spelling.ends
        if first not in said and last not in said:
            return None
        start, end = index(said, first), index(said, last)
        if end < start and self.spelling.turn_round:
            start, end = end, start
        end -= 1 if self.spelling.half_open else 0
        if end < start:
            raise Unreadable(f"the interval {said[first]}–{said[last]} is empty or reversed")
        return Interval(self.inside(start, first), self.inside(end, last))

    def frame(self, said: Mapping[str, Json], key: str) -> int:
        return self.inside(index(said, key), key)

    def inside(self, frame: int, key: str) -> int:
        if 0 <= frame < self.length:
            return frame
        if not self.spelling.clamp:
            raise Unreadable(f"{key} {frame} is outside 0–{self.length - 1}")
        return min(max(frame, 0), self.length - 1)

    def box(self, said: Json, frame: int | None) -> Box:
        x0, y0, x1, y1 = numbers(said, 4, "bbox_2d")
        if x1 < x0 or y1 < y0:
            raise Unreadable(f"the box {said} is reversed")
        space = self.where(frame)
        box, (width, height) = Box(x0, y0, x1, y1, space), space.units
        if x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height:
            return box
        self.outside(said)
        return box.clamped()

    def point(self, said: Json, frame: int | None) -> Point:
        x, y = numbers(said, 2, "point")
        space = self.where(frame)
        width, height = space.units
        if not (0 <= x <= width and 0 <= y <= height):
            self.outside(said)
        return Point(x, y, space)

    def outside(self, said: Json) -> None:
        if not self.spelling.clamp:
            raise Unreadable(f"{said} lies outside the picture")

    def where(self, frame: int | None) -> Space:
        space = self.spaces.get(frame)
        if space is None:
            space = self.place(frame)
            if space is None:
                raise Unreadable("no picture was shown" if frame is None else f"frame {frame} was never shown")
            self.spaces[frame] = space
        return space
