"""The one parser of replies, and its inverse. Env, rewards and evaluation all read through it.

    <think>…</think> <select>{"start": 2, "end": 5, "keyframe": 3}</select>        look at frames 2–5, at 3 large
    <zoom>{"frame": 3, "bbox_2d": [x0, y0, x1, y1]}</zoom>                          look at a part of frame 3
    <answer>{"start": 2, "end": 5, "keyframe": 3, "bbox_2d": [x0, y0, x1, y1]}</answer>
    <answer>{"keyframe": 3, "objects": [{"bbox_2d": …}, …]}</answer>                 several objects on frame 3
    <answer>[{"bbox_2d": [x0, y0, x1, y1], "point_2d": [x, y], "neg_point_2d": [x, y]}, …]</answer>
    <answer>Paris</answer>

As VideoSEG-O3 writes it, the JSON of a block may stand inside <VTG>…</VTG>, and behind it what is drawn:

    <select><VTG>{"start": 2, "end": 5, "keyframe": 3}</VTG>, <RefSeg>[SEG]</RefSeg></select>

What is no action comes back as Malformed with the reason; nothing here raises, whatever the reply.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import Field

from framework.chat.blocks import (
    LONGEST,
    Json,
    Unreadable,
    blocks,
    decoded,
    index,
    mapping,
    numbers,
    several,
    unwrapped,
)
from framework.config import Settings
from framework.errors import DataError
from framework.types import Answer, Item, Malformed, Parsed, Select, Zoom
from framework.vision.boxes import Box, Interval, Point, Space

LONGEST_REASON = 500
"""Characters: what is no action is told to whoever said it, and may quote a number of thousands of digits."""

Place = Callable[[int | None], Space | None]
"""The space in which a position on frame k is said; None as k means the picture shown last. None if never shown."""


class Grammar(Settings):
    """How replies are written in this game."""

    actions: tuple[Literal["select", "zoom", "answer"], ...] = Field(default=("select", "answer"), min_length=1)
    """What may be done."""
    clamp: bool = True
    """Pull an index past the end and a box over the edge back inside, and leave a point outside where it is; otherwise
    they are malformed."""
    several: Literal["malformed", "first", "last"] = "malformed"
    """What two actions in one reply mean."""
    half_open: bool = False
    """The said end of an interval lies outside it; by default it is the last frame."""
    turn_round: bool = False
    """Read an interval that is said backwards as if it were not; otherwise it is malformed."""
    intervals: bool = True
    """Selections and answers say an interval; without, a keyframe alone is said and is all that is selected."""
    vtg: bool = False
    """Write the JSON of select and answer inside <VTG>…</VTG>; both forms are read."""
    draws: str = ""
    """The token by which a reply draws, as [SEG]: every action ends with <RefSeg>[SEG]</RefSeg>, and experts say no
    boxes. Empty draws nothing. What is read may draw or not, in <RefVOS> as well; rewards ask for the exact form."""
    ends: tuple[str, str] = ("start", "end")
    """What the first and the last frame of an interval are called."""

    words: tuple[str, ...] = ()
    """An answer says one of these, in letters of any size; empty lets it say anything."""

    def parse(self, text: str, length: int, place: Place) -> Parsed:
        """What a reply means in a clip of `length` frames."""
        block = self._block(text)
        if isinstance(block, Malformed):
            return block
        tag, body = block
        try:
            said = _READERS[tag](_Reader(self, length, place), unwrapped(body))
        except Unreadable as fault:
            return Malformed(f"{tag}: {str(fault)[:LONGEST_REASON]}")
        if self.words and isinstance(said, Answer) and self.word(said) is None:
            return Malformed(f"no action {said.text[:40]!r}; say one of {', '.join(self.words)}")
        return said

    def word(self, answer: Answer) -> int | None:
        """Which of the words an answer says."""
        said = plain(answer.text)
        return next((place for place, word in enumerate(self.words) if plain(word) == said), None)

    def write(self, action: Select | Zoom | Answer, place: Place) -> str:
        """The reply that means this action."""
        return _Writer(self, place).write(action)

    def _block(self, text: str) -> tuple[str, str] | Malformed:
        """The one block of a reply: its tag and what stands inside."""
        found: list[tuple[int, str, str]] = []
        for tag, opening in _OPENINGS.items():
            if opening not in text:
                continue
            here = blocks(text, tag, innermost=self.several == "last")
            if isinstance(here, Malformed):
                return here
            if tag not in self.actions:
                return Malformed(f"<{tag}> is no action here; there are: {', '.join(self.actions)}")
            found += [(start, tag, body) for start, body in here]
        if not found:
            return Malformed(f"no action; say one of {', '.join(f'<{tag}>…</{tag}>' for tag in self.actions)}")
        if len(found) > 1 and self.several == "malformed":
            return Malformed(f"{len(found)} actions in one reply; say one")
        _, tag, body = (max if self.several == "last" else min)(found)
        if len(body) > LONGEST:
            return Malformed(f"{tag}: {len(body):,} characters are too many")
        return tag, body


def plain(word: str) -> str:
    return " ".join(word.lower().split())


_KEYS, _OF_OBJECTS = ("answer", "keyframe", "objects"), ("bbox_2d", "point_2d", "neg_point_2d")
"""What an answer may say, beside the ends of its interval."""


class _Reader:
    """Reads the inside of a block."""

    def __init__(self, grammar: Grammar, length: int, place: Place) -> None:
        self.grammar, self.length, self.place = grammar, length, place
        self.spaces: dict[int | None, Space] = {}

    def select(self, body: str) -> Select:
        said = mapping(decoded(body))
        interval = self.interval(said)
        if interval is None and self.grammar.intervals:
            raise Unreadable("needs {} and {}".format(*self.grammar.ends))
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
        if not said.keys() & {*_KEYS, *_OF_OBJECTS, *self.grammar.ends}:
            raise Unreadable(f"needs one of {', '.join((*_KEYS, *_OF_OBJECTS, *self.grammar.ends))}")
        keyframe = self.frame(said, "keyframe") if "keyframe" in said else None
        objects = said.get("objects", [said] if said.keys() & set(_OF_OBJECTS) else [])
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
        first, last = self.grammar.ends
        if first not in said and last not in said:
            return None
        start, end = index(said, first), index(said, last)
        if end < start and self.grammar.turn_round:
            start, end = end, start
        end -= 1 if self.grammar.half_open else 0
        if end < start:
            raise Unreadable(f"the interval {said[first]}–{said[last]} is empty or reversed")
        return Interval(self.inside(start, first), self.inside(end, last))

    def frame(self, said: Mapping[str, Json], key: str) -> int:
        return self.inside(index(said, key), key)

    def inside(self, frame: int, key: str) -> int:
        if 0 <= frame < self.length:
            return frame
        if not self.grammar.clamp:
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
        if not self.grammar.clamp:
            raise Unreadable(f"{said} lies outside the picture")

    def where(self, frame: int | None) -> Space:
        space = self.spaces.get(frame)
        if space is None:
            space = self.place(frame)
            if space is None:
                raise Unreadable("no picture was shown" if frame is None else f"frame {frame} was never shown")
            self.spaces[frame] = space
        return space


_OPENINGS = {tag: f"<{tag}>" for tag in ("select", "zoom", "answer")}
_READERS: dict[str, Callable[[_Reader, str], Parsed]] = {
    "select": _Reader.select,
    "zoom": _Reader.zoom,
    "answer": _Reader.answer,
}


class _Writer:
    """Writes actions as the grammar reads them."""

    def __init__(self, grammar: Grammar, place: Place) -> None:
        self.grammar, self.place = grammar, place

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
        drawn = f"<RefSeg>{self.grammar.draws}</RefSeg>" if self.grammar.draws else ""
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
        if not self.grammar.intervals:
            return {}
        past = 1 if self.grammar.half_open else 0
        first, last = self.grammar.ends
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
        return f"<VTG>{said}</VTG>" if self.grammar.vtg else said
