"""limner show: a recipe with everything it inherits and every default, as yaml that is itself a recipe."""

import argparse
from pathlib import Path

from framework.commands import takes_recipe, the_recipe
from framework.config import literal
from framework.recipe import Recipe


def arguments(parser: argparse.ArgumentParser) -> None:
    takes_recipe(parser)
    parser.add_argument("--verl", action="store_true", help="what verl would get: its own settings, ours on them")


def run(said: argparse.Namespace) -> int:
    recipe = the_recipe(said)
    print(as_verl(recipe) if said.verl else as_yaml(recipe), end="")
    return 0


def as_verl(recipe: Recipe) -> str:
    from omegaconf import OmegaConf

    from framework.train.settings import verl_config

    return OmegaConf.to_yaml(verl_config(recipe, Path("runs") / recipe.name))


def as_yaml(recipe: Recipe) -> str:
    import yaml

    tree = literal(recipe.model_dump(mode="json"))
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=120)
    return f"# total = {recipe.rubric.formula()}\n{text}"
