"""What drawing costs is measured of the miniature, and told. Its engines are those of drawing/test_engine.py."""

from typing import Any

import pytest

from framework.recipe import find_recipe
from framework.train.bench import drawing


def test_it_is_measured_of_the_miniature_whose_every_turn_draws():
    recipe = find_recipe(drawing.RECIPE, drawing.CHANGES)
    assert recipe.drawing is not None
    assert recipe.env.grammar.draws == recipe.drawing.token
    assert recipe.algorithm.prompts * recipe.algorithm.group == 64


@pytest.mark.parametrize(("extra", "encoded", "marks"), [(0.09, 40, "✓✓"), (0.26, 41, "✗✗")])
def test_figures_are_told_with_what_they_should_be(extra: float, encoded: int, marks: str):
    parts = {"log-probs": 0.7, "update": 1.9}
    counts = {"episodes": 64, "tokens": 12_648, "masks": 680, "spots": 40, "encoded": encoded}
    figures: dict[str, Any] = {
        "parts": {"without": parts, "with": {"log-probs": 0.7, "unpacking": 0.01, "update": 1.9}},
        "together": {"without": 2.6, "with": 2.61},
        "extra": extra,
        **counts,
    }
    told = [str(list(table.columns[-1].cells)[-1])[-1] for table in drawing.shown(figures)]
    assert "".join(told) == marks
