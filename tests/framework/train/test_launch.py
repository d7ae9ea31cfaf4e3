import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from framework.errors import TrainError
from framework.recipe import find_recipe
from framework.train.cold_start import train_cold_start
from framework.train.launch import environment, in_a_line, launched, train_rl
from framework.train.run import Run

PEEK = Path(__file__).parent / "peek"


def env(*changes: str) -> dict[str, str]:
    recipe = find_recipe(str(PEEK / "peek.yaml"), changes)
    return environment(recipe, Run(Path("/runs/peek")), "/models/tiny", PEEK)


def test_workers_find_our_rooms_and_the_users_own_code():
    paths = env()["PYTHONPATH"].split(os.pathsep)
    assert (Path(paths[0]) / "framework" / "train").is_dir()
    assert paths[1] == str(PEEK)


def test_a_model_that_a_recipe_names_may_be_fetched_while_it_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HF_HUB_OFFLINE")
    for decoder, offline in (("facebook/sam2.1-hiera-large", "0"), (str(tmp_path), "1")):
        recipe = find_recipe(str(PEEK / "draw.yaml"), [f"drawing.decoder={{use: sam2, path: {decoder}}}"])
        assert environment(recipe, Run(Path("/runs/peek")), str(tmp_path), PEEK)["HF_HUB_OFFLINE"] == offline


def test_the_platform_is_chosen_by_the_recipe():
    assert env()["VERL_PLATFORM"] == "cpu"
    assert "VERL_PLATFORM" not in env("cluster.platform=cuda")


def test_trainer_processes_on_cpu_share_its_cores(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    changes = [f"cluster.gpus_per_node={count}" for count in (1, 2, 8)]
    assert [env(change)["OMP_NUM_THREADS"] for change in changes] == ["4", "2", "1"]


def test_what_a_person_set_wins(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert env()["OMP_NUM_THREADS"] == "7"


def test_a_recipe_that_is_left_in_a_run_reads_back_as_it_was(tmp_path: Path):
    recipe = find_recipe(str(PEEK / "peek.yaml"))
    system = "say ${nothing} to\tthat "
    recipe = recipe.model_copy(update={"env": recipe.env.model_copy(update={"system": system})})
    Run(tmp_path).begin(recipe)
    assert Run(tmp_path).recipe.model_dump() == recipe.model_dump()


def test_a_path_means_the_same_to_the_driver_as_to_who_starts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("prepared").write_text("here")
    run = Run(tmp_path / "runs")
    run.begin(find_recipe("quickstart"))
    launched(run, 1, (sys.executable, "-c", "print(open('prepared').read())"), os.environ)
    assert (run.logs / "driver.log").read_text() == "here\n"


STOPPED = """
import sys
from pathlib import Path
from framework.train.launch import launched
from framework.train.run import Run
from framework.recipe import find_recipe

run = Run(Path(sys.argv[1]))
run.begin(find_recipe("quickstart"))
launched(run, 1, (sys.executable, "-c", "import time; time.sleep(60)"), {})
"""


def test_a_run_that_is_terminated_stops_its_driver_and_says_what_is_kept(tmp_path: Path):
    command = [sys.executable, "-c", STOPPED, str(tmp_path)]
    said = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=Path(__file__).parents[3], **said) as run:
        assert run.stdout
        assert "verl is starting" in run.stdout.readline()
        [driver] = _born(run.pid)
        run.terminate()
        assert "the same command goes on from there" in run.communicate(timeout=30)[1]
    assert not psutil.pid_exists(driver)


def _born(parent: int) -> list[int]:
    """Its children, as soon as there are any and it knows of them."""
    until = time.monotonic() + 10
    while not (found := [each.pid for each in psutil.Process(parent).children()]):
        assert time.monotonic() < until
        time.sleep(0.02)
    time.sleep(1)  # it waits for the fork to succeed, and could not be told anything meanwhile
    return found


def test_a_step_that_earned_nothing_says_nought_and_one_that_could_not_be_scored_says_nothing():
    line = {"step": 3, "reward/mean": 0.0, "reward/form/mean": 0.0, "time/step_s": 2.04}
    assert in_a_line(line) == "step    3  reward 0.000 · form 0.00 · 2.0 s"
    assert in_a_line({"step": 3, "reward/mean": None}) == "step    3  reward —"


@pytest.mark.parametrize("stage", ["cold_start", "rl"])
def test_a_checkpoint_is_not_gone_on_from_with_another_number_of_devices(stage: str, tmp_path: Path):
    run = Run(tmp_path, stage)
    left = run.checkpoint(2) / ("actor" if stage == "rl" else "")
    left.mkdir(parents=True)
    for rank in range(4):
        (left / f"model_world_size_4_rank_{rank}.pt").touch()
    run.latest.write_text("2")
    recipe = find_recipe(str(PEEK / "peek.yaml"), ["cluster.gpus_per_node=2", "stages.cold_start.steps=4"])
    train = train_rl if stage == "rl" else train_cold_start
    with pytest.raises(TrainError, match="cluster: 2 devices, and the checkpoint of step 2 was left by 4"):
        train(recipe, tmp_path)
    assert not run.recipe_file.exists(), "nothing was begun"
