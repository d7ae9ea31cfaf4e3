"""Writes actions as they are read: the inverse of reader.py, tags and all."""

import json
from typing import Any

from framework.chat.spelling import Place, Spelling
from framework.errors import DataError
from framework.types import Answer, Item, Select, Zoom
from framework.vision.boxes import Box, Interval, Point, Space


class Writer:
    """Writes actions of a game."""

    def __init__(self, spelling: Spelling, place: Place) -> None:
        self.spelling, self.place = spelling, place

    def write(self, action: Select | Zoom | Answer) -> str:
        match action:
            case Select():
                said = {**self.interval(action.interval), "keyframe": action.keyframe}
                return self.block("select", self.wrapped(json.dumps(said)))
            case Zoom():
                said = {"frame": action.frame, "bbox_2d": self.corners(action.box, action.frame)}
                return self.block("zoom", json.dumps(said))
            case Answer():
                return self.block("answer", self.answer(action))

    def block(self, tag: str, said: str) -> str:
        drawn = f"<RefSeg>{self.spelling.draws}</RefSeg>" if self.spelling.draws else ""
        return f"<{tag}>{', '.join(filter(None, (said, drawn)))}</{tag}>"

    def answer(self, answer: Answer) -> str:
        said: dict[str, Any] = self.interval(answer.interval) if answer.interval else {}
        if answer.keyframe is not None:
            said["keyframe"] = answer.keyframe
        items = [self.item(item, answer.keyframe) for item in answer.items]
        if items and not said:
            return json.dumps(items)
        said |= items[0] if len(items) == 1 else {"objects": items} if items else {}
        if not said:
            return answer.text
        return self.wrapped(json.dumps(said | ({"answer": answer.text} if answer.text else {})))

    def item(self, item: Item, frame: int | None) -> dict[str, Any]:
        said: dict[str, Any] = {"bbox_2d": self.corners(item.box, frame)} if item.box else {}
        if item.point:
            said["point_2d"] = self.position(item.point, frame)
        if item.negatives:
            said["neg_point_2d"] = [self.position(point, frame) for point in item.negatives]
        return said

    def interval(self, interval: Interval) -> dict[str, Any]:
        if not self.spelling.intervals:
            return {}
        past = 1 if self.spelling.half_open else 0
        first, last = self.spelling.ends
        return {first: int(interval.start), last: int(interval.end) + past}

    def corners(self, box: Box, frame: int | None) -> list[int]:
        return [round(value) for value in box.to(self.where(frame)).corners]

    def position(self, point: Point, frame: int | None) -> list[int]:
        there = point.to(self.where(frame))
        return [round(there.x), round(there.y)]

    def where(self, frame: int | None) -> Space:
        space = self.place(frame)
        if space is None:
            raise DataError(f"frame {frame} was never shown, so no place on it can be said; show it in env")
        return space

    def wrapped(self, said: str) -> str:
        return f"<VTG>{said}</VTG>" if self.spelling.vtg else said
