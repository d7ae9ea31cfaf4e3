"""A reward, an env and a recipe in a folder of one's own, played from anywhere."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from framework.recipe import find_recipe
from framework.testing import check_env, check_reward

ROOT = Path(__file__).parents[2]
MY_LAB = Path(__file__).parent / "my_lab"


@pytest.fixture
def my_lab(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MY_LAB, tmp_path / "my_lab", ignore=shutil.ignore_patterns("__pycache__")))


def limner(*argv: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "import sys; from framework.cli import main; sys.exit(main())", *argv]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=180)


def test_a_recipe_of_ones_own_is_played_from_another_folder(my_lab: Path):
    done = limner("play", "./my_lab/zoom.yaml", folder=my_lab.parent)
    assert done.returncode == 0, done.stderr
    assert "calm 0." in done.stdout
    assert "place 1.00" in done.stdout
    assert (my_lab.parent / "runs" / "zoom" / "play" / "report.html").is_file()


@pytest.mark.parametrize("command", ["show", "check", "dry"])
def test_every_command_takes_it(command: str, my_lab: Path):
    done = limner(command, "./my_lab/zoom.yaml", folder=my_lab.parent)
    assert done.returncode == 0, done.stderr
    assert "calm" in done.stdout


def test_a_real_model_fits_what_the_readme_gives_it(my_lab: Path):
    done = limner("check", "./my_lab/big.yaml", folder=my_lab.parent)
    assert done.returncode == 0, done.stderr
    assert "by its Hugging Face name" in done.stdout


def test_data_of_ones_own_is_played(my_lab: Path):
    Image.new("RGB", (96, 64), "red").save(my_lab / "7.png")
    row = {"image": str(my_lab / "7.png"), "question": "Find the cup.", "box": [8, 8, 40, 40]}
    (my_lab / "rows.jsonl").write_text(json.dumps(row))
    change = f"data.train={{use: 'my_data:Rows', file: {my_lab / 'rows.jsonl'}}}"
    done = limner("play", "./my_lab/zoom.yaml", change, folder=my_lab.parent)
    assert done.returncode == 0, done.stderr
    assert "place 0.9" in done.stdout


@pytest.mark.parametrize(
    ("row", "raised"),
    [
        (None, "data.train: Rows: {lab}/my_data.py:32: FileNotFoundError: [Errno 2] No such file"),
        ({}, "data.train: row 0 of Rows: {lab}/my_data.py:25: KeyError: 'box'; mend it, or leave such rows out"),
        ({"box": []}, "Magnifier.expert, task rows/0: {lab}/my_envs.py:21: KeyError: 0; let it raise NoExpert for"),
    ],
)
def test_what_its_own_code_raises_is_told_in_a_line(row: dict[str, list[int]] | None, raised: str, my_lab: Path):
    Image.new("RGB", (96, 64), "red").save(my_lab / "7.png")
    file = my_lab / "my_data.py"
    if row is not None:
        (my_lab / "rows.jsonl").write_text(json.dumps({"image": str(my_lab / "7.png"), "question": "?", **row}))
    if row:
        text = file.read_text().replace("*row", "0, 0, 9, 9, *row").replace("boxes={0: (box,)}", "answer='red'")
        file.write_text(text)
    change = f"data.train={{use: 'my_data:Rows', file: {my_lab / 'rows.jsonl'}}}"
    done = limner("check", "./my_lab/zoom.yaml", change, folder=my_lab.parent)
    assert done.returncode == 2
    assert done.stderr.startswith(f"limner: {raised.format(lab=my_lab)}"), done.stderr
    assert done.stderr.count("\n") == 1


def test_a_slip_in_it_is_shown_with_its_line(my_lab: Path):
    with (my_lab / "my_rewards.py").open("a") as file:
        file.write("\nclass Late(\n")
    done = limner("play", "./my_lab/zoom.yaml", folder=my_lab.parent)
    assert done.returncode == 2
    assert "rewards.calm.use: 'my_rewards:Smoothness' cannot be imported: " in done.stderr
    assert "my_rewards.py:22: SyntaxError: '(' was never closed" in done.stderr
    assert done.stderr.count("\n") == 1


def test_its_env_and_reward_keep_their_contracts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    recipe = find_recipe(str(MY_LAB / "zoom.yaml"))
    episode = check_env(recipe.env, recipe.data.train.task(0))
    check_reward(recipe.rewards["calm"], [episode])
    for name in ("my_rewards", "my_envs"):
        del sys.modules[name]


def test_it_is_as_small_as_it_is_told_to_be():
    lines = {path.name: [line for line in path.read_text().splitlines() if line.strip()] for path in MY_LAB.glob("*.*")}
    assert len(lines["my_rewards.py"]) <= 20
    assert len(lines["my_envs.py"]) <= 40
    assert len(lines["zoom.yaml"]) <= 10
