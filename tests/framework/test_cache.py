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


MAKES = """
import sys
from pathlib import Path
from framework.cache import made_once

def make(folder):
    folder.mkdir()
    print("making", flush=True)
    sys.stdin.read()

made_once(Path(sys.argv[1]), make)
"""


def making(folder: Path, stdin: int = subprocess.DEVNULL) -> "subprocess.Popen[str]":
    """A process that makes this folder until its standard input ends."""
    command, pipe = [sys.executable, "-c", MAKES, str(folder)], subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, text=True, stdin=stdin, stdout=pipe, stderr=pipe)


def begun(folder: Path) -> "subprocess.Popen[str]":
    process = making(folder, subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == "making\n"
    return process


def test_who_wants_what_another_is_making_waits_and_says_so(tmp_path: Path) -> None:
    first, second = begun(tmp_path / "made"), making(tmp_path / "made")
    assert second.stderr
    assert second.stderr.readline() == f"limner: waits for another process that is making {tmp_path / 'made'}\n"
    assert first.communicate(timeout=30) == ("", "")
    assert second.communicate(timeout=30) == ("", "")


def test_nobody_waits_for_one_that_was_killed(tmp_path: Path) -> None:
    first = begun(tmp_path / "made")
    first.kill()
    first.communicate()
    assert making(tmp_path / "made").communicate(timeout=30) == ("making\n", "")
    assert (tmp_path / "made").is_dir()


def test_what_one_that_was_killed_has_left_is_cleared_by_the_next_and_what_another_is_making_is_not(
    tmp_path: Path,
) -> None:
    killed, other = begun(tmp_path / "made"), begun(tmp_path / "made-too")
    killed.kill()
    killed.communicate()
    assert len(list(tmp_path.glob(".building-*"))) == 2
    making(tmp_path / "made").communicate(timeout=30)
    assert [each.name.partition("=")[0] for each in tmp_path.glob(".building-*")] == [".building-made-too"]
    assert other.communicate(timeout=30) == ("", "")
    assert (tmp_path / "made-too").is_dir()


def test_bytecode_that_may_not_stand_beside_packages_is_kept_in_our_cache(tmp_path: Path) -> None:
    assert imported(tmp_path, compiled=False, PYTHONDONTWRITEBYTECODE="1") == ["cache"]


def test_bytecode_stands_where_python_puts_it_unless_that_was_forbidden(tmp_path: Path) -> None:
    assert imported(tmp_path, compiled=False) == ["packages"]


def test_packages_that_are_compiled_already_are_not_compiled_again(tmp_path: Path) -> None:
    assert imported(tmp_path, compiled=True, PYTHONDONTWRITEBYTECODE="1") == []
