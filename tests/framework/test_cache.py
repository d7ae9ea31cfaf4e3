import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMPORTS = "from framework.cache import keep_bytecode; keep_bytecode(); import queue_of_one"


def imported(tmp_path: Path, compiled: bool, **settings: str) -> list[str]:
    """What is written below `tmp_path` by a process that imports a package there after `keep_bytecode`."""
    package = tmp_path / "packages"
    (package / "pydantic" / "__pycache__").mkdir(parents=True)
    (package / "pydantic" / "__init__.py").touch()
    if compiled:
        (package / "pydantic" / "__pycache__" / f"__init__.{sys.implementation.cache_tag}.pyc").touch()
    (package / "queue_of_one.py").write_text("one = 1\n")
    before = set(tmp_path.rglob("*.pyc"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    paths = os.pathsep.join([str(package), str(ROOT)])
    environment |= {"PYTHONPATH": paths, "LIMNER_CACHE": str(tmp_path / "cache")} | settings
    subprocess.run([sys.executable, "-c", IMPORTS], env=environment, check=True)
    return [path.relative_to(tmp_path).parts[0] for path in set(tmp_path.rglob("queue_of_one*.pyc")) - before]


def test_bytecode_that_may_not_stand_beside_packages_is_kept_in_our_cache(tmp_path: Path) -> None:
    assert imported(tmp_path, compiled=False, PYTHONDONTWRITEBYTECODE="1") == ["cache"]


def test_bytecode_stands_where_python_puts_it_unless_that_was_forbidden(tmp_path: Path) -> None:
    assert imported(tmp_path, compiled=False) == ["packages"]


def test_packages_that_are_compiled_already_are_not_compiled_again(tmp_path: Path) -> None:
    assert imported(tmp_path, compiled=True, PYTHONDONTWRITEBYTECODE="1") == []
