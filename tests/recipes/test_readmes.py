"""A recipe's README names code, files and recipes that are there; a paper's formulas stand beside code and tests."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = {page.parent.name: page.read_text() for page in sorted((ROOT / "recipes").glob("*/README.md"))}
PLACES = sorted(
    {
        (path, name)
        for page in PAGES.values()
        for path, names in re.findall(r"`([\w/]+\.py)`((?:,? `\w+`)+)", page)
        for name in re.findall(r"`(\w+)`", names)
    }
)
FORMULAS = {"videoseg_o3": 21, "videoseg_r1": 8}
"""How many a paper has."""


@cache
def defined(path: str) -> set[str]:
    """The functions and classes of a file."""
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}


@pytest.mark.parametrize(("path", "name"), PLACES, ids=[name for _, name in PLACES])
def test_what_is_named_is_there(path: str, name: str):
    assert name in defined(path)


@pytest.mark.parametrize("paper", FORMULAS)
def test_every_formula_stands_beside_code_and_a_test(paper: str):
    rows = {row.split("|")[1].strip(): row for row in PAGES[paper].splitlines() if row.startswith("| (")}
    assert list(rows) == [f"({number})" for number in range(1, FORMULAS[paper] + 1)]
    for row in rows.values():
        _, _, _, code, test, _ = row.split("|")
        assert re.search(r"`(framework|rewards|envs)/", code)
        assert "`test_" in test


@pytest.mark.parametrize("recipe", PAGES)
def test_every_file_that_is_named_is_there(recipe: str):
    named = re.findall(r"`([\w/]+\.(?:py|yaml|md))`", PAGES[recipe])
    assert [
        path for path in named if not any((home / path).is_file() for home in (ROOT, ROOT / "recipes" / recipe))
    ] == []


@pytest.mark.parametrize("recipe", [name for name in PAGES if name not in ("quickstart", "grid")])
def test_all_its_recipes_are_named_and_no_others(recipe: str):
    there = {path.stem for path in (ROOT / "recipes" / recipe).glob("*.yaml")} - {"ablations"}
    assert set(re.findall(rf"`{recipe}/(\w+)`", PAGES[recipe])) == there
