"""limner show: a recipe with everything it inherits and every default, as yaml that is itself a recipe."""

import argparse

from framework.commands import takes_recipe, the_recipe
from framework.recipe import Recipe


def arguments(parser: argparse.ArgumentParser) -> None:
    takes_recipe(parser)


def run(said: argparse.Namespace) -> int:
    print(as_yaml(the_recipe(said)), end="")
    return 0


def as_yaml(recipe: Recipe) -> str:
    import yaml

    tree = recipe.model_dump(mode="json")
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=120)
    plain = text.replace("${", r"\${")  # read back, ${ would begin an interpolation
    return f"# total = {recipe.rubric.formula()}\n{plain}"
