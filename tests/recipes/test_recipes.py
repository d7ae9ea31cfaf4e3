"""Every recipe of the house can be read, names what it needs, and fits together."""

import re
from pathlib import Path

import pytest

from framework.cookbook import RECIPES, locate, names
from framework.errors import ConfigError
from framework.recipe import find_recipe
from framework.testing import filled
from framework.train.settings import verl_config

README = (RECIPES.parent / "README.md").read_text()


@pytest.mark.parametrize("name", names())
def test_a_recipe_says_what_it_needs_and_is_read_once_that_is_given(name: str):
    needed = filled(name)
    if needed:
        with pytest.raises(ConfigError, match=f"^{re.escape(min(needed).partition('=')[0])}: must be given"):
            find_recipe(name)
    recipe = find_recipe(name, needed)
    assert recipe.name == name
    assert recipe.about


@pytest.mark.parametrize("name", names())
def test_every_file_of_words_is_used(name: str):
    words = (locate(name).parent / "prompts").glob("*.md")
    yamls = [path.read_text() for path in locate(name).parent.glob("*.yaml")]
    assert [path.name for path in words if not any(f"file:prompts/{path.name}" in text for text in yamls)] == []


@pytest.mark.parametrize("name", [name for name in names() if filled(name) and "/eval/" not in name])
def test_verl_takes_what_a_recipe_of_real_size_tells_it(name: str, tmp_path: Path):
    verl = verl_config(find_recipe(name, filled(name)), tmp_path, "model")
    assert verl.trainer.n_gpus_per_node == 8
    assert verl.actor_rollout_ref.rollout.max_model_len > verl.data.max_response_length
