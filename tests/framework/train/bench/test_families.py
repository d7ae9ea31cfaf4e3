"""Two steps of each family are told with what they should be. How one of them is trained: ../test_training.py."""

from typing import Any

import pytest

from framework.reasoners import FAMILIES
from framework.recipe import find_recipe
from framework.train.bench import families


@pytest.mark.parametrize("family", FAMILIES)
def test_the_quickstart_may_be_played_by_each_family(family: str):
    recipe = find_recipe(families.RECIPE, (*families.CHANGES, f"reasoner.family={family}"))
    assert recipe.stages.rl.steps == 2
    assert recipe.reasoner.model_dump()["family"] == family


@pytest.mark.parametrize(
    ("gaps", "slopes", "mark"), [([0, 9e-6], [1, 1], "✓"), ([0, 2e-5], [1, 1], "✗"), ([0, 0], [1, 0], "✗")]
)
def test_a_gap_or_a_step_in_which_nothing_is_learned_is_marked(gaps: list[float], slopes: list[float], mark: str):
    found: dict[str, Any] = {"gaps": gaps, "slopes": slopes, "tokens": [10, 10], "seconds": [9.0, 1.0]}
    [table] = families.shown({"families": {"gemma4": found}})
    assert list(table.columns[3].cells) == [mark]
