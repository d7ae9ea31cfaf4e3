"""Names in, things out. A table is a plain dict in a folder's __init__.py; this finds in it.

A user's own code needs no table: `my_lab.rewards:Smoothness` is imported from wherever Python finds it.
"""

import difflib
import importlib
import inspect
import sys
import sysconfig
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

from framework.errors import UnknownName, UserError

T = TypeVar("T")

TABLES = {
    "env": ("envs:ENVS", "framework.env:Rules"),
    "reward": ("rewards:REWARDS", "framework.reward:Reward"),
    "reasoner": ("framework.reasoners:REASONERS", "framework.reasoners.reasoner:Reasoner"),
    "data": ("framework.data:DATASETS", "framework.source:Source"),
    "sampler": ("framework.sampler:SAMPLERS", "framework.sampler:Sampler"),
    "decoder": ("framework.reasoners.decoders:DECODERS", "framework.reasoners.decoder:Decoder"),
    "segmenter": ("framework.vision.models:SEGMENTERS", "framework.vision.segmenter:Segmenter"),
    "propagator": ("framework.vision.models:PROPAGATORS", "framework.vision.propagator:Propagator"),
}
"""Where each kind of thing is listed, and what it is. Looked up by name, so the library never imports its tenants."""

ROOMS = ("framework", "envs", "rewards")
OURS = tuple(f"{Path(__file__).parents[1] / room}/" for room in ROOMS)
PACKAGES = ("<", *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")))
"""Where files begin that are ours, and those of Python and its packages; all others are a user's own."""


def find(table: Mapping[str, T], name: str, kind: str) -> T:
    """The thing called `name`, or an error that says what there is.

    >>> find({"box_iou": 1}, "box_iuo", "reward")
    Traceback (most recent call last):
    framework.errors.UnknownName: no reward 'box_iuo'; did you mean 'box_iou'?
    """
    if name in table:
        return table[name]
    raise UnknownName(f"no {kind} {name!r}; {nearest(name, table)}")


def one_of(names: Iterable[str], name: str, kind: str) -> str:
    """The name itself, if there is one such."""
    return find(dict.fromkeys(names, name), name, kind)


def nearest(name: str, there: Iterable[str]) -> str:
    """What to say about a name that is not there."""
    names = sorted(there)
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names) or 'none'}"


def table(kind: str) -> Mapping[str, type]:
    """The table of one kind: table("env") is envs.ENVS."""
    return _at(TABLES[kind][0])


def base(kind: str) -> type:
    """What every thing of one kind is: base("env") is Rules."""
    return _at(TABLES[kind][1])


def name_of(cls: type) -> str:
    """The name by which a recipe would choose this class: the inverse of resolve. Empty if it chooses none such."""
    for kind in TABLES:
        if issubclass(cls, base(kind)):
            listed = (name for name, each in table(kind).items() if each is cls)
            return next(listed, f"{cls.__module__}:{cls.__qualname__}")
    return ""


def resolve(kind: str, name: str) -> Any:
    """A class by its name in our table, or by `package.module:Name` for a user's own."""
    if ":" not in name:
        if "." in name:
            raise UnknownName(f"no {kind} {name!r}; did you mean {':'.join(name.rsplit('.', 1))!r}?")
        return find(table(kind), name, kind)
    module, _, attribute = name.partition(":")
    home = _imported(module, kind, name)
    if not hasattr(home, attribute):
        public = [each for each, value in vars(home).items() if isinstance(value, type) and value.__module__ == module]
        taken = module.partition(".")[0] in (*ROOMS, *sys.stdlib_module_names)
        told = "that module is not yours: give your file a name of its own" if taken else nearest(attribute, public)
        raise UnknownName(f"module {module!r} has no {attribute!r}; {told}")
    return _fitting(getattr(home, attribute), kind, name)


def _fitting(thing: Any, kind: str, name: str) -> type:
    """Is it what the recipe has room for?"""
    wanted = base(kind)
    if not (isinstance(thing, type) and issubclass(thing, wanted)):
        where = f"{wanted.__module__}.{wanted.__name__}"
        raise UnknownName(f"{name!r} is no {kind}; make it a subclass of {where}")
    if inspect.isabstract(thing):
        lacking = ", ".join(sorted(cast(Any, thing).__abstractmethods__))
        raise UnknownName(f"{kind} {name!r} lacks {lacking}; write that method")
    if thing.__init__ is not wanted.__init__:
        raise UnknownName(f"{kind} {name!r} has an __init__ of its own; write its settings as fields, as reach: float")
    if taken := next((field for field in _fields(thing) if _is_another(field, thing, wanted)), None):
        raise UnknownName(f"{kind} {name!r}: its field {taken!r} means another thing in every {kind}; rename it")
    return thing


def _fields(cls: type) -> Mapping[str, Any]:
    return cast(Any, cls).model_fields


def _is_another(field: str, thing: type, wanted: type) -> bool:
    """Is a field of `thing` called as something of `wanted` is, and of another kind?"""
    if field not in _fields(wanted):
        return hasattr(wanted, field)
    theirs, ours = (_fields(each)[field].annotation for each in (thing, wanted))
    narrower = isinstance(theirs, type) and isinstance(ours, type) and issubclass(theirs, ours)
    return theirs != ours and not narrower


def _imported(module: str, kind: str, name: str) -> ModuleType:
    """A user's module. Reading it runs their code, so whatever that raises is shown as theirs, with its place."""
    try:
        return importlib.import_module(module)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
            raise UnknownName(
                f"no module {module!r} for {kind} {name!r}; put {module.replace('.', '/')}.py beside the recipe "
                "or on PYTHONPATH"
            ) from None
        raise UserError(f"{name!r} cannot be imported: {raised(error)}") from None


def raised(error: Exception) -> str:
    """The last line of a traceback, and file:line where a user's own code was last, or else a package, or else ours."""

    def whose(file: str) -> int:
        return 1 if file.startswith(PACKAGES) else 0 if file.startswith(OURS) else 2

    frames = traceback.extract_tb(error.__traceback__)
    frame = max(reversed(frames), key=lambda each: whose(each.filename))
    file, line = (error.filename, error.lineno) if isinstance(error, SyntaxError) else (frame.filename, frame.lineno)
    return f"{file}:{line}: {traceback.format_exception_only(error)[-1].strip()}"


def _at(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)
