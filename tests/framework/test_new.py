"""A lab of one's own, as `limner new` writes it, outside the repository."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from framework.cli import main

ROOT = Path(__file__).parents[2]


def python(*argv: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *argv], capture_output=True, text=True, cwd=folder, env=environment, timeout=180
    )


def limner(*argv: str, folder: Path) -> str:
    done = python("-c", "import sys; from framework.cli import main; sys.exit(main())", *argv, folder=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_new_lab_runs_at_once_from_where_it_was_written(tmp_path: Path) -> None:
    said = limner("new", "my_zoom", folder=tmp_path)
    lab = tmp_path / "my_zoom"
    names = ["my_zoom_env.py", "my_zoom_reward.py", "recipe.yaml", "test_my_zoom.py"]
    assert sorted(path.name for path in lab.iterdir()) == names
    assert all(name in said for name in names)
    assert "limner train my_zoom/recipe.yaml" in said
    changes = ("my_zoom/recipe.yaml", "reasoner.grounding=0")
    assert "an expert earns" in limner("check", *changes, folder=tmp_path)
    assert " near " in limner("play", *changes, folder=tmp_path)
    assert "\ncertified: " in limner("reward", "certify", *changes, folder=tmp_path)
    assert (tmp_path / "runs" / "my_zoom" / "play" / "report.html").is_file()
    held = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "my_zoom", folder=tmp_path)
    assert held.returncode == 0, held.stdout
    assert "3 passed" in held.stdout


def test_nothing_of_ours_is_left_in_it_and_nothing_that_is_there_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "deep/er"]) == 0
    texts = {path.name: path.read_text() for path in (tmp_path / "deep" / "er").iterdir()}
    assert not any("start_" in text or "test_start" in text or "name: start" in text for text in texts.values())
    assert texts["recipe.yaml"].startswith("name: er\n")
    assert main(["new", "deep/er"]) == 2
    assert "deep/er is there already, and not empty; give another name" in capsys.readouterr().err
    assert {path.name: path.read_text() for path in (tmp_path / "deep" / "er").iterdir()} == texts
    assert main(["new", "my-lab"]) == 2
    assert "'my-lab' can be no module of Python" in capsys.readouterr().err
    assert not (tmp_path / "my-lab").exists()
