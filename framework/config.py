"""What a person may set: yaml in, typed objects out, and words that teach when something is set wrongly.

    recipes/quickstart/recipe.yaml ─┐
    extends: ../other.yaml ─────────┼─▶ one tree ─▶ Settings, frozen ─▶ every room
    env.max_turns=2 ────────────────┘

Nothing heavy is imported here: a wrong key is found before torch is.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PrivateAttr,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from framework.errors import ConfigError
from framework.registry import nearest, resolve

S = TypeVar("S", bound="Settings")
Tree = dict[str, Any]


class Settings(BaseModel):
    """Base of all settings: frozen, no unknown keys, a docstring under each field."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    _use: str = PrivateAttr(default="")
    """The name this thing was chosen by, so that a printed recipe can be read back."""

    @model_serializer(mode="wrap")
    def _say_which(self, dump: SerializerFunctionWrapHandler) -> Tree:
        return ({"use": self._use} if self._use else {}) | dump(self)

    def _derive(self, **values: Any) -> Self:
        """Fill in what follows from other fields; only for a validator of this object's own."""
        for name, value in values.items():
            object.__setattr__(self, name, value)
        return self


def chosen(kind: str) -> Any:
    """The type annotation of a part that a recipe chooses by name.

    `env: Annotated[SerializeAsAny[Rules], chosen("env")]` takes {"use": "keyframes", "max_turns": 3}.
    """

    def choose(given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        settings = dict(cast(Mapping[str, Any], given))
        name = settings.pop("use", None)
        if not isinstance(name, str):
            raise ConfigError(f"use: which {kind}? write `use: NAME` first")
        made = resolve(kind, name).model_validate(settings)
        made._use = name
        return made

    return BeforeValidator(choose)


# ---- reading ----------------------------------------------------------------------------------------------------------


def load(path: Path, changes: Sequence[str] = ()) -> Tree:
    """A yaml file with what it extends beneath it and `a.b=1` changes on top, as plain values."""
    from omegaconf import DictConfig, OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    tree = _layers(path, ())
    for change in changes:
        key, equals, _ = change.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"{change!r} is no setting; write key=value, as in env.max_turns=2")
    try:
        merged = OmegaConf.merge(tree, OmegaConf.from_dotlist(list(changes)))
        missing = sorted(str(key) for key in OmegaConf.missing_keys(merged))
        if missing:
            raise ConfigError(f"{missing[0]}: must be given (it is ??? in {path}); add {missing[0]}=… to the command")
        plain = OmegaConf.to_container(cast(DictConfig, merged), resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{path}: {_first_line(error)}") from None
    return cast(Tree, plain)


def _layers(path: Path, below: tuple[Path, ...]) -> Any:
    from omegaconf import DictConfig, OmegaConf
    from yaml import YAMLError

    if path in below:
        raise ConfigError(f"{path}: extends itself through {' → '.join(each.name for each in (*below, path))}")
    try:
        tree = OmegaConf.load(path)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file (extended by {below[-1] if below else 'the command'})") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not readable as yaml: {' '.join(str(error).split())[:200]}") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    if not isinstance(tree, DictConfig):
        raise ConfigError(f"{path}: must be a mapping of keys to values")
    parent = tree.pop("extends", None)
    if parent is None:
        return tree
    return OmegaConf.merge(_layers((path.parent / str(parent)).resolve(), (*below, path)), tree)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


# ---- typing -----------------------------------------------------------------------------------------------------------


def typed(cls: type[S], tree: Tree) -> S:
    """The settings object a tree describes, or one message about its first fault."""
    try:
        return cls.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(explain(error, cls)) from None


def explain(error: ValidationError, cls: type[BaseModel], prefix: tuple[str | int, ...] = ()) -> str:
    """path: what is wrong with which value; what to write instead."""
    fault = error.errors(include_url=False)[0]
    loc = (*prefix, *fault["loc"])
    path = ".".join(str(step) for step in loc) or "recipe"
    inner = fault.get("ctx", {}).get("error")
    if isinstance(inner, ValidationError):
        return explain(inner, cls, loc)
    if isinstance(inner, ConfigError) and str(inner).startswith("use:"):
        return f"{path}.{inner}"
    if fault["type"] == "extra_forbidden":
        return f"{path}: unknown key (value {_short(fault['input'])}); {nearest(str(loc[-1]), _keys_beside(error, fault['loc'], cls))}"
    if fault["type"] == "missing":
        return f"{path}: must be given"
    if isinstance(inner, ValueError):
        return f"{path}: {inner}"
    wanted = fault["msg"].removeprefix("Input should be ").rstrip(".")
    return f"{path}: {_short(fault['input'])} will not do; it should be {wanted}"


def _keys_beside(error: ValidationError, loc: tuple[str | int, ...], cls: type[BaseModel]) -> list[str]:
    """The fields that stand where an unknown key was given."""
    model: Any = _model_named(error.title, cls)
    for step in loc[:-1]:
        field = model.model_fields.get(str(step)) if model is not None else None
        model = _model_in(field.annotation) if field is not None else None
    return list(model.model_fields) if model is not None else []


def _model_named(title: str, cls: type[BaseModel]) -> type[BaseModel] | None:
    if cls.__name__ == title:
        return cls
    return next((each for each in _subclasses(Settings) if each.__name__ == title), None)


def _subclasses(cls: type[BaseModel]) -> list[type[BaseModel]]:
    direct = cls.__subclasses__()
    return [*direct, *(deeper for each in direct for deeper in _subclasses(each))]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(each) for each in getattr(annotation, "__args__", ()))
    return next((each for each in inner if each is not None), None)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


Name = Annotated[str, BeforeValidator(lambda given: str(given) if isinstance(given, int) else given)]
"""A name in yaml; `seed_1: …` and `1: …` both do."""

__all__ = ["ConfigError", "Name", "SerializeAsAny", "Settings", "Tree", "chosen", "explain", "load", "typed"]
