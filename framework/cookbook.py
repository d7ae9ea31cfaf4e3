"""Where recipes lie: ours by name, in recipes/, and anyone's by path.

quickstart ─▶ recipes/quickstart/recipe.yaml      x/mini ─▶ recipes/x/mini.yaml      ./my_lab/zoom.yaml ─▶ itself
"""

from pathlib import Path

from framework.errors import ConfigError
from framework.registry import nearest

RECIPES = Path(__file__).parents[1] / "recipes"
ABLATIONS = "ablations.yaml"
"""Lies beside recipes and is none: what `limner ablate` makes of them."""


def locate(name: str, beside: Path = Path()) -> Path:
    """The file of a recipe; a path begins in the folder `beside`."""
    if name.endswith((".yaml", ".yml")):
        path = (beside / Path(name).expanduser()).resolve()
        if not path.is_file():
            there = [str(Path(name).with_name(each.name)) for each in path.parent.glob("*.y*ml")]
            raise ConfigError(f"{name}: no such file; {nearest(name, there)}")
        return path
    for path in (RECIPES / name / "recipe.yaml", RECIPES / f"{name}.yaml"):
        if path.is_file():
            return path
    here = [*(beside / name).glob("*.yaml"), beside / f"{name}.yaml"]
    there = [str(path) for path in here if path.is_file() and path.name != ABLATIONS] or names()
    raise ConfigError(f"no recipe {name!r}; {nearest(name, there)}; a path must end in .yaml")


def names() -> list[str]:
    """Every recipe of the house."""
    found: list[str] = []
    for path in sorted(RECIPES.rglob("*.yaml")):
        if path.name == ABLATIONS:
            continue
        place = path.relative_to(RECIPES)
        found.append(str(place.parent) if place.name == "recipe.yaml" else str(place.with_suffix("")))
    return found
