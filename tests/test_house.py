"""The rules of the house: who may import whom, and what an import may cost."""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "torchvision", "transformers", "tensordict", "datasets", "cv2", "av", "tokenizers"}
TRAINING = {"verl", "ray", "vllm", "transfer_queue"}


def _imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Every imported module of a file, and whether it is imported as soon as the file is."""
    tree = ast.parse(path.read_text())
    late = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    guarded = {
        id(node)
        for check in ast.walk(tree)
        if isinstance(check, ast.If) and "TYPE_CHECKING" in ast.unparse(check.test)
        for node in ast.walk(check)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) not in late | guarded) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, id(node) not in late | guarded


def _files(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def _room(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", _files("framework", "envs", "rewards", "recipes"), ids=_room)
def test_every_room_imports_only_what_it_may(path: Path) -> None:
    room = _room(path)
    for module, at_once in _imports(path):
        top = module.partition(".")[0]
        assert top != "tests", f"{room} imports tests; put what is shared into framework/testing.py"
        if room.startswith("framework/"):
            assert top not in {"envs", "rewards", "recipes"}, f"{room} imports {module}: a recipe introduces them"
        if room.startswith("envs/"):
            assert top not in {"rewards", "recipes"}, f"{room} imports {module}: a recipe introduces them"
        if room.startswith("rewards/"):
            assert top not in {"envs", "recipes"}, f"{room} imports {module}: a recipe introduces them"
        if not room.startswith("framework/train/"):
            assert top not in TRAINING, f"{room} imports {module}: only framework/train may"
            assert not at_once or top not in HEAVY, f"{room} imports {module} as soon as it is imported"


def test_the_pure_half_imports_quickly(spent: Callable[[str], float]) -> None:
    assert spent("import framework, envs, rewards") <= 4.5  # half a second, 2.6, on a quiet machine


def test_the_pure_half_imports_without_torch() -> None:
    heavy = "any(name in sys.modules for name in ('torch', 'cv2', 'verl'))"
    code = f"import sys; import framework, envs, rewards, framework.recipe; sys.exit({heavy})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("path", _files("framework", "envs", "rewards"), ids=_room)
def test_every_file_opens_with_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), f"{_room(path)} says nothing about itself"


@pytest.mark.parametrize("path", _files("rewards"), ids=_room)
def test_no_reward_swallows_what_it_does_not_expect(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else ""
            assert caught, f"{_room(path)} catches everything"
            assert not {"Exception", "BaseException"} & set(caught.strip("()").split(", ")), _room(path)
