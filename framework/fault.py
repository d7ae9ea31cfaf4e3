"""What to say about a setting that will not do: its path, its value, and what would.

env.max_trns: unknown key (value 3); did you mean 'max_turns'?
└─ path       └─ value                └─ remedy
"""

from collections.abc import Mapping, Sequence
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from framework.errors import ConfigError
from framework.registry import nearest

Steps = tuple[str | int, ...]

PATH = "‹path›"
"""Stands in a message for the whole path, known only when it has come all the way out."""


UNKNOWN = ("extra_forbidden", "invalid_key")
"""What pydantic calls a key that nothing has, and one that is no word."""


class Fault(ConfigError):
    """One fault of one setting. Validators raise it with the path below themselves; the path grows on the way out."""

    def __init__(self, steps: Steps, said: str) -> None:
        path = ".".join(str(step) for step in steps) or "recipe"
        super().__init__(f"{path}: {said.replace(PATH, path)}")
        self.steps, self.said = steps, said

    def __reduce__(self) -> tuple[type["Fault"], tuple[Steps, str]]:
        """As it comes out of a process that was asked aside."""
        return Fault, (self.steps, self.said)


def explain(error: ValidationError, cls: type[BaseModel]) -> Fault:
    """The first fault; an unknown key comes before what is missing, since it is most likely the same thing."""
    faults = sorted(error.errors(include_url=False), key=lambda each: each["type"] not in UNKNOWN)
    first = faults[0]
    steps, model = _place(cls, first)
    inner = first.get("ctx", {}).get("error")
    match first["type"]:
        case "extra_forbidden":
            there = model.model_fields if model else ()
            return Fault(steps, f"unknown key (value {short(first['input'])}); {nearest(str(steps[-1]), there)}")
        case "invalid_key":
            there = model.model_fields if model else ()
            return Fault(steps, f"unknown key {short(first['input'])}; {nearest(str(first['input']), there)}")
        case "missing" if isinstance(steps[-1], str):
            return Fault(steps, f"must be given; write it in the recipe, or add {PATH}=… to the command")
        case "value_error" if isinstance(inner, Fault):
            return Fault((*steps, *inner.steps), inner.said)
        case "value_error":
            return Fault(steps, str(inner))
        case _:
            same = [each for each in faults if _place(cls, each)[0] == steps]
            wanted = " or ".join(dict.fromkeys(_wanted(each) for each in same))
            steps = steps[:-1] if first["type"] == "missing" else steps
            return Fault(steps, f"{short(first['input'])} will not do; it should be {wanted}")


def short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


_WORDS = {
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "mapping_type": "a mapping of keys to values",
    "list_type": "a list",
    "tuple_type": "a list",
    "string_type": "text",
    "string_pattern_mismatch": "text like {pattern}",
    "string_too_short": "text of {min_length} characters or more",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "finite_number": "a finite number",
    "missing": "a longer list",
    "too_short": "a longer list",
    "too_long": "a shorter list",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
}


def _wanted(fault: ErrorDetails) -> str:
    words = _WORDS.get(fault["type"])
    return words.format(**fault.get("ctx", {})) if words else fault["msg"].removeprefix("Input should be ").rstrip(".")


def _place(cls: type[BaseModel], fault: ErrorDetails) -> tuple[Steps, type[BaseModel] | None]:
    """The path of a fault without pydantic's own marks, and the settings in which its last key stands."""
    steps: list[str | int] = []
    here: Any = cls
    model: type[BaseModel] | None = cls
    for step in fault["loc"]:
        model = _model(here)
        if model is not None and step in model.model_fields:
            here = model.model_fields[str(step)].annotation
        elif model is not None and fault["type"] == "extra_forbidden":
            here = None
        elif _holds(here):
            here = get_args(here)[-1 if issubclass(get_origin(here), Mapping) else 0]
        else:
            continue  # which member of a union was tried
        steps.append(step)
    return tuple(steps), model


def _model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    several = get_args(annotation) if not _holds(annotation) else ()
    return next((found for each in several if (found := _model(each))), None)


def _holds(annotation: Any) -> bool:
    """Is it a list or a mapping of other things?"""
    origin = get_origin(annotation)
    return isinstance(origin, type) and origin is not Union and issubclass(origin, Mapping | Sequence)
