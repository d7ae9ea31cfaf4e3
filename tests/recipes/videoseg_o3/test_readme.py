"""The recipe's README names code and tests that are there, and every formula stands beside both."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HOME = ROOT / "recipes" / "videoseg_o3"
README = (HOME / "README.md").read_text()
NAMED = re.findall(r"`([\w/]+\.py)`((?:,? `\w+`)+)", README)
PLACES = sorted({(path, name) for path, names in NAMED for name in re.findall(r"`(\w+)`", names)})


@cache
def defined(path: str) -> set[str]:
    """The functions and classes of a file."""
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}


@pytest.mark.parametrize(("path", "name"), PLACES, ids=[name for _, name in PLACES])
def test_what_it_names_is_there(path: str, name: str):
    assert name in defined(path)


def test_every_formula_stands_beside_code_and_a_test():
    rows = {row.split("|")[1].strip(): row for row in README.splitlines() if row.startswith("| (")}
    assert list(rows) == [f"({number})" for number in range(1, 22)]
    for row in rows.values():
        _, _, _, code, test, _ = row.split("|")
        assert re.search(r"`(framework|rewards|envs)/", code)
        assert "`test_" in test


def test_every_file_and_recipe_it_names_is_there():
    files = re.findall(r"`([\w/]+\.(?:py|yaml|md))`", README)
    assert [path for path in files if not (ROOT / path).is_file()] == []
    recipes = set(re.findall(r"`videoseg_o3/(\w+)`", README))
    assert recipes == {path.stem for path in HOME.glob("*.yaml")} - {"ablations"}
