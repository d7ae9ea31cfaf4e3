"""Names in, things out. A table is a plain dict in a folder's __init__.py; this finds in it.

A user's own code needs no table: `my_lab.rewards:Smoothness` is imported from wherever Python finds it.
"""

import difflib
import importlib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from framework.errors import UnknownName

T = TypeVar("T")

TABLES = {
    "env": "envs:ENVS",
    "reward": "rewards:REWARDS",
    "reasoner": "framework.reasoners:REASONERS",
    "data": "framework.data:DATASETS",
}
"""Where each kind of thing is listed. Looked up by name, so the library never imports its tenants."""


def find(table: Mapping[str, T], name: str, kind: str) -> T:
    """The thing called `name`, or an error that says what there is.

    >>> find({"box_iou": 1}, "box_iuo", "reward")
    Traceback (most recent call last):
    framework.errors.UnknownName: no reward 'box_iuo'; did you mean 'box_iou'?
    """
    if name in table:
        return table[name]
    raise UnknownName(f"no {kind} {name!r}; {nearest(name, table)}")


def nearest(name: str, there: Iterable[str]) -> str:
    """What to say about a name that is not there."""
    names = sorted(there)
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names) or 'none'}"


def table(kind: str) -> Mapping[str, Any]:
    """The table of one kind: table("env") is envs.ENVS."""
    module, _, attribute = TABLES[kind].partition(":")
    return getattr(importlib.import_module(module), attribute)


def resolve(kind: str, name: str) -> Any:
    """A thing by its name in our table, or by `package.module:Name` for a user's own."""
    if ":" not in name:
        return find(table(kind), name, kind)
    module, _, attribute = name.partition(":")
    try:
        home = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(error.name + ".")):
            raise  # their module was found; something it imports was not
        raise UnknownName(
            f"no module {module!r} for {kind} {name!r}; put {module.replace('.', '/')}.py beside the recipe "
            "or on PYTHONPATH"
        ) from None
    if not hasattr(home, attribute):
        public = [each for each in vars(home) if not each.startswith("_")]
        raise UnknownName(f"module {module!r} has no {attribute!r}; {nearest(attribute, public)}")
    return getattr(home, attribute)
