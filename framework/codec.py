"""Words to JSON and back, exactly: what comes back is equal, and writes the same again.

    Turn(seen=Observation(content=("Frame 3: ", Picture(…)))), said=Action(text=…, parsed=Select(…)))
    {"seen": {"content": ["Frame 3: ", {"video": 0, "frame": 3, …}]}, "said": {…, "parsed": {"is": "Select", …}}}

The types say all that is needed, so a new word or field needs no line here. What equals its default is left out, small
geometry is a bare list, and what many words refer to (videos, spaces) is written once, under "shared".
"""

import base64
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np

from framework.errors import DataError
from framework.types import Mask, Video
from framework.vision.boxes import Box, Interval, Point, Space

T = TypeVar("T")
Write = Callable[[Any, "Shared"], Any]
Read = Callable[[Any, list[Any]], Any]

BARE: set[Any] = {Box, Point, Interval, Mask, Space, Video}
"""Written as lists of their fields."""
SHARED: tuple[Any, ...] = (Video, Space)
"""Written once each; others say which one. Videos come first, so that 0 is the task's."""


class Shared:
    """What has been written once."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.places: dict[Any, int] = {}

    def place(self, value: Any, write: Write) -> int:
        place = self.places.get(value)
        if place is None:
            row = write(value, self)
            place = self.places[value] = len(self.rows)
            self.rows.append(row)
        return place


def write(value: Any) -> dict[str, Any]:
    """A word as JSON."""
    shared, kind = Shared(), cast(Any, type(value))
    written = _writer(kind)(value, shared)
    return {**written, "shared": shared.rows}


def read(kind: type[T], data: Mapping[str, Any]) -> T:
    """The word that was written so; DataError if it is none."""
    try:
        rows = list(data["shared"])
        return _reader(kind)({key: value for key, value in data.items() if key != "shared"}, rows)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise DataError(f"is no {kind.__name__} ({type(error).__name__}: {error}); was it written otherwise?") from None


# ---- writing ---------------------------------------------------------------------------------------------------------


@cache
def _writer(kind: Any) -> Write:
    """How values of this type are written."""
    origin, inside = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _once(_bare(kind)) if kind in SHARED else _bare(kind) if kind in BARE else _named(kind)
    if origin in (Union, types.UnionType):
        return _one_of(inside)
    if origin is tuple:
        each = [_writer(item) for item in inside if item is not ...]
        if len(inside) == 2 and inside[1] is ...:
            return lambda value, shared: [each[0](item, shared) for item in value]
        return lambda value, shared: [item(part, shared) for item, part in zip(each, value, strict=True)]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        of = _writer(inside[1])
        return lambda value, shared: {str(key): of(item, shared) for key, item in value.items()}
    return _plain


def _plain(value: Any, shared: Shared) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return cast(Any, value.item() if isinstance(value, np.generic) else value)


def _once(write: Write) -> Write:
    return lambda value, shared: shared.place(value, write)


def _bare(kind: Any) -> Write:
    hints = get_type_hints(kind)
    each = [(field.name, _writer(hints[field.name])) for field in fields(kind)]
    return lambda value, shared: [write(getattr(value, name), shared) for name, write in each]


def _named(kind: Any) -> Write:
    hints = get_type_hints(kind)
    each = [(field.name, _usual(field), _writer(hints[field.name])) for field in fields(kind)]

    def write(value: Any, shared: Shared) -> dict[str, Any]:
        there = [(name, getattr(value, name), usual, write) for name, usual, write in each]
        return {name: write(item, shared) for name, item, usual, write in there if item != usual}

    return write


def _usual(field: "Field[Any]") -> Any:
    """The default of a field; MISSING equals nothing."""
    make: Any = field.default_factory
    return cast(Any, field.default if make is MISSING else make())


def _one_of(kinds: tuple[Any, ...]) -> Write:
    tagged = _tags(kinds)
    words = {kind: _writer(kind) for kind in kinds if is_dataclass(kind)}

    def write(value: Any, shared: Shared) -> Any:
        kind = cast(Any, type(value))
        known = words.get(kind)
        if known is None:
            return _plain(value, shared)
        written = known(value, shared)
        if not tagged:
            return written
        return {"is": kind.__name__, **(written if isinstance(written, dict) else {"of": written})}

    return write


def _tags(kinds: tuple[Any, ...]) -> dict[str, Any]:
    """The words of a union by their names, if there are several."""
    words = {kind.__name__: kind for kind in kinds if is_dataclass(kind) and isinstance(kind, type)}
    return words if len(words) > 1 else {}


# ---- reading ---------------------------------------------------------------------------------------------------------


@cache
def _reader(kind: Any) -> Read:
    """How values of this type are read."""
    origin, inside = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _shared(kind) if kind in SHARED else _of_list(kind) if kind in BARE else _of_names(kind)
    if origin in (Union, types.UnionType):
        return _any_of(inside)
    if origin is tuple:
        each = [_reader(item) for item in inside if item is not ...]
        if len(inside) == 2 and inside[1] is ...:
            return lambda data, rows: tuple(each[0](item, rows) for item in data)
        return lambda data, rows: tuple(item(part, rows) for item, part in zip(each, data, strict=True))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        key, of = inside[0], _reader(inside[1])
        return lambda data, rows: {key(name): of(item, rows) for name, item in data.items()}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return lambda data, rows: kind(data)
    return _as_it_is if origin is Literal else _checked(kind)


def _as_it_is(data: Any, rows: list[Any]) -> Any:
    return data


def _checked(kind: Any) -> Read:
    if kind is bytes:
        return lambda data, rows: base64.b64decode(data, validate=True)
    allowed = (int, float) if kind is float else kind

    def read(data: Any, rows: list[Any]) -> Any:
        if not isinstance(data, allowed):
            raise TypeError(f"{data!r} stands where a {kind.__name__} should")
        return data

    return read


def _shared(kind: Any) -> Read:
    read = _of_list(kind)

    def take(data: Any, rows: list[Any]) -> Any:
        if not isinstance(rows[data], kind):
            rows[data] = read(rows[data], rows)
        return rows[data]

    return take


def _of_list(kind: Any) -> Read:
    hints = get_type_hints(kind)
    each = [_reader(hints[field.name]) for field in fields(kind)]
    return lambda data, rows: kind(*(read(item, rows) for read, item in zip(each, data, strict=True)))


def _of_names(kind: Any) -> Read:
    hints = get_type_hints(kind)
    each = {field.name: _reader(hints[field.name]) for field in fields(kind)}
    return lambda data, rows: kind(**{name: each[name](item, rows) for name, item in data.items()})


def _any_of(kinds: tuple[Any, ...]) -> Read:
    tags = {name: _reader(kind) for name, kind in _tags(kinds).items()}
    words = [_reader(kind) for kind in kinds if is_dataclass(kind)]
    plain = tuple(kind for kind in kinds if not is_dataclass(kind))
    allowed = (*plain, int) if float in plain else plain  # a whole number is written without its point

    def read(data: Any, rows: list[Any]) -> Any:
        if tags and isinstance(data, dict):
            said = cast(dict[str, Any], data)
            inside = said["of"] if "of" in said else {name: item for name, item in said.items() if name != "is"}
            return tags[said["is"]](inside, rows)
        if words and isinstance(data, dict | list):
            return words[0](data, rows)
        if not isinstance(data, allowed):
            raise TypeError(f"{data!r} stands where it should not")
        return data

    return read
