"""What a person may set: yaml in, typed objects out, and words that teach when something is set wrongly.

    recipes/quickstart/recipe.yaml ─┐
    extends: x/mini, or other.yaml ─┼─▶ one tree ─▶ Settings, frozen ─▶ every room
    env.max_turns=2 ────────────────┤
    prompt: file:prompts/ask.md ────┘    the words of a file, counted from the folder of the yaml

Nothing heavy is imported here: a wrong key is found before torch is.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar, cast, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from framework.cookbook import locate
from framework.errors import ConfigError, UserError
from framework.fault import Fault, explain, short
from framework.registry import base, name_of, resolve, table

S = TypeVar("S", bound="Settings")
Tree = dict[str, Any]

FILE = "file:"
"""Before the path of a text that is too long for a line of yaml."""


class Settings(BaseModel):
    """Base of all settings: frozen, no unknown keys, a docstring under each field."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _yes_is_no_number(cls, given: Any) -> Any:
        """Python takes True for 1; a person who writes `frames: yes` does not."""
        for name, value in cast(Tree, given).items() if isinstance(given, dict) else ():
            field = cls.model_fields.get(name)
            kinds = (get_args(field.annotation) or (field.annotation,)) if field else ()
            if isinstance(value, bool) and {int, float} & set(kinds) and bool not in kinds:
                raise Fault((name,), f"{value} will not do; it should be a number")
        return cast(Any, given)

    @model_serializer(mode="wrap")
    def _say_which(self, dump: SerializerFunctionWrapHandler) -> Tree:
        """A part that was chosen by name says so, that a printed recipe can be read back."""
        name = name_of(type(self))
        return ({"use": name} if name else {}) | dump(self)

    def _derive(self, **values: Any) -> Self:
        """Fill in what follows from other fields; only for a validator of this object's own."""
        for name, value in values.items():
            object.__setattr__(self, name, value)
        return self


def chosen(kind: str, or_none: bool = False) -> Any:
    """The type annotation of a part that a recipe chooses by name.

    `env: Annotated[SerializeAsAny[Rules], chosen("env")]` takes {"use": "keyframes", "max_turns": 3}, or "keyframes".
    """

    def choose(given: Any) -> Any:
        if isinstance(given, base(kind)) or (or_none and given is None):
            return given
        there = ", ".join(sorted(table(kind)))
        if not isinstance(given, Mapping | str):
            raise Fault(
                (), f"{short(given)} is no {kind}; write the name of one, or `use: NAME` in it (there are: {there})"
            )
        settings = {"use": given} if isinstance(given, str) else dict(cast(Mapping[str, Any], given))
        name = settings.pop("use", None)
        if not isinstance(name, str):
            raise Fault(("use",), f"{short(name)} names no {kind}; write `use: NAME` (there are: {there})")
        try:
            cls = resolve(kind, name)
        except UserError as error:
            raise Fault(("use",), str(error)) from None
        return typed(cls, settings)

    return BeforeValidator(choose)


def typed(cls: type[S], tree: Tree) -> S:
    """The settings object a tree describes, or one message about its first fault."""
    try:
        return cls.model_validate(tree)
    except ValidationError as error:
        raise explain(error, cls) from None


# ---- reading --------------------------------------------------------------------------------------------------------


def load(path: Path, changes: Sequence[str] = ()) -> Tree:
    """A yaml file with what it extends beneath it and `a.b=1` changes on top, as plain values."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    tree = layers(path)
    for change in changes:
        tree = _over(tree, _change(change))
    if lacking := sorted(missing(tree)):
        add = " ".join(f"{key}=…" for key in lacking)
        raise ConfigError(f"{lacking[0]}: must be given (it is ??? in {path}); add {add} to the command")
    try:
        return cast(Tree, OmegaConf.to_container(OmegaConf.create(tree), resolve=True))
    except OmegaConfBaseException as error:
        where = f"{error.full_key}: " if error.full_key else ""
        raise ConfigError(f"{where}{str(error).splitlines()[0]} (in {path}); mend the value") from None


def missing(tree: Tree) -> list[str]:
    """Whatever is ??? in a tree, as it would be given: data.root.

    >>> missing({"data": {"root": "???", "split": "train"}, "sizes": [1, "???"]})
    ['data.root', 'sizes[1]']
    """
    return [key for key, value in _leaves(tree) if value == "???"]


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """What is no mapping or list, with its path."""
    if isinstance(value, dict):
        for name, each in cast(Tree, value).items():
            yield from _leaves(each, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for place, each in enumerate(cast(list[Any], value)):
            yield from _leaves(each, f"{key}[{place}]")
    else:
        yield key, value


def layers(path: Path, above: tuple[Path, ...] = ()) -> Tree:
    """A yaml file over what it extends, `???` and interpolations as they stand."""
    if path in above:
        ring = " → ".join(each.name for each in (*above, path))
        raise ConfigError(f"{path}: extends itself ({ring}); take one `extends:` out")
    tree = _file(path)
    parent = tree.pop("extends", None)
    if parent is None:
        return tree
    if not isinstance(parent, str):
        raise ConfigError(f"{path}: extends: {short(parent)} will not do; it should be one recipe, its name or path")
    try:
        beneath = locate(parent, path.parent)
    except ConfigError as error:
        raise ConfigError(f"{path}: extends: {error}") from None
    return _over(layers(beneath, (*above, path)), tree)


def _file(path: Path) -> Tree:
    from omegaconf import DictConfig, OmegaConf
    from yaml import YAMLError

    try:
        tree = OmegaConf.load(path)
    except (YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: not readable as yaml ({' '.join(str(error).split())[:200]}); mend that line"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; give the path of a readable yaml file") from None
    if not isinstance(tree, DictConfig):
        raise ConfigError(
            f"{path}: {short(OmegaConf.to_container(tree))} will not do; it should be a mapping of keys to values"
        )
    return _with_texts(cast(Tree, OmegaConf.to_container(tree)), path)


def _with_texts(value: Any, path: Path, key: str = "") -> Any:
    """The same with the words of a file wherever one is named."""
    if isinstance(value, dict):
        below = cast(Tree, value)
        return {name: _with_texts(each, path, f"{key}.{name}" if key else str(name)) for name, each in below.items()}
    if isinstance(value, list):
        return [_with_texts(each, path, f"{key}[{place}]") for place, each in enumerate(cast(list[Any], value))]
    if not isinstance(value, str) or not value.startswith(FILE) or value.startswith(f"{FILE}//"):
        return value
    named = value.removeprefix(FILE).strip()
    try:
        text = (path.parent / Path(named).expanduser()).read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is no text"
        raise ConfigError(f"{key}: {named}: {why} (in {path}); name a text file, from that yaml's folder") from None
    return literal(text)


def literal(value: Any) -> Any:
    """Plain values as they are read back: of their own, ${ would begin an interpolation."""
    if isinstance(value, dict):
        return {key: literal(each) for key, each in cast(Tree, value).items()}
    if isinstance(value, list):
        return [literal(each) for each in cast(list[Any], value)]
    return value.replace("${", r"\${") if isinstance(value, str) else value


def _change(change: str) -> Tree:
    """One `a.b=1` of a command line as a tree; file:ask.md counts from where one stands."""
    from omegaconf import OmegaConf
    from yaml import YAMLError

    key, equals, value = change.partition("=")
    if not equals or not all(step.strip() for step in key.split(".")):
        raise ConfigError(f"{change}: no setting; write key=value, as in env.max_turns=2")
    try:
        tree = cast(Tree, OmegaConf.to_container(OmegaConf.from_dotlist([change])))
    except YAMLError:
        raise ConfigError(f"{key}: {short(value)} is not readable as yaml; close its brackets and quotes") from None
    return _with_texts(tree, Path("the command"))


def _over(below: Any, above: Any) -> Any:
    """One tree laid over another. A part that names another `use` starts afresh."""
    if isinstance(below, str) and isinstance(above, dict):
        below = {"use": below}
    if not isinstance(below, dict) or not isinstance(above, dict):
        return cast(Any, above)
    under, over = cast(Tree, below), cast(Tree, above)
    if over.get("use", under.get("use")) != under.get("use"):
        return over
    return under | {key: _over(under[key], value) if key in under else value for key, value in over.items()}


Name = Annotated[str, BeforeValidator(lambda given: str(given) if isinstance(given, int) else given)]
"""A name in yaml; `seed_1: …` and `1: …` both do."""

__all__ = [
    "ConfigError",
    "Fault",
    "Name",
    "SerializeAsAny",
    "Settings",
    "Tree",
    "chosen",
    "layers",
    "literal",
    "load",
    "missing",
    "typed",
]
