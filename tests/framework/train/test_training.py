"""Two runs through verl and Ray, one that is killed and one that goes on from it: what both left behind.

Recipe, env, rewards and the folder they are started in lie outside the repository, as a user's do.
"""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from safetensors.torch import load_file

from framework import record
from framework.advantage import grpo
from framework.reasoners.generator import Generator
from framework.reasoners.player import ModelPolicy
from framework.reasoners.sampling import Batcher
from framework.rollout import play
from framework.train.run import Run
from framework.train.sample import Sample
from framework.train.seed import seed
from framework.train.tracker import read, rewind

PEEK = Path(__file__).parent / "peek"
PATIENCE_S = 240

TRAIN = """
import signal, sys
from pathlib import Path
from framework.errors import TrainError
from framework.recipe import find_recipe
from framework.train.launch import environment, launched, train_rl
from framework.train.run import Run

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background is born deaf to it
recipe, beside = find_recipe(sys.argv[1], sys.argv[4:]), Path(sys.argv[1]).parent
run, driver = Run(Path(sys.argv[2])), sys.argv[3]
try:
    if driver == "framework.train.driver":
        train_rl(recipe, run.folder, beside=beside)
    else:
        command = (sys.executable, "-m", driver)
        launched(run, recipe.stages.rl.steps, command, environment(recipe, run, recipe.reasoner.folder(), beside))
except TrainError as error:
    sys.exit(str(error))
except KeyboardInterrupt:
    sys.exit(130)
"""
CHANGES = ("stages.rl.steps=9", "stages.rl.save_every=2", "stages.rl.keep=9", "env.fails_on=5")


def started(run: Path, driver: str = "framework.train.driver") -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", TRAIN, "./peek/peek.yaml", str(run), driver, *CHANGES]
    return subprocess.Popen(command, cwd=run.parent, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def lines(run: Path) -> dict[int, dict[str, Any]]:
    return {line["step"]: line for line in read(run / "metrics.jsonl", "rl")}


def reached(step: int, process: "subprocess.Popen[str]", run: Path) -> None:
    """Wait until a run has done so many steps."""
    began = time.monotonic()
    while step not in lines(run):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() - began < PATIENCE_S, (run / "rl" / "logs" / "driver.log").read_text()[-3000:]
        time.sleep(0.1)


@dataclass
class Runs:
    killed: Path
    """Its driver was killed with -9 after the fifth step; checkpoints after 2 and 4."""
    farewell: str
    resumed: Path
    """The same, gone on from step 2, of which nothing had been told, probed in its first step (peek/probing.py),
    stopped with Ctrl-C after step 4."""
    goodbye: str


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    killed = tmp_path_factory.mktemp("runs") / "killed"
    shutil.copytree(PEEK, killed.with_name("peek"), ignore=shutil.ignore_patterns("__pycache__"))
    first = started(killed)
    reached(5, first, killed)
    [driver] = [each for each in psutil.Process(first.pid).children() if "framework.train.driver" in each.cmdline()]
    os.kill(driver.pid, signal.SIGKILL)
    farewell = first.communicate(timeout=60)[0]

    resumed = killed.with_name("resumed")
    shutil.copytree(killed, resumed)
    shutil.rmtree(resumed / "rl" / "checkpoints" / "global_step_4")
    (resumed / "rl" / "checkpoints" / "latest_checkpointed_iteration.txt").write_text("2")
    rewind(resumed / "metrics.jsonl", "rl", 1)  # as if it had been killed between the checkpoint and its line
    second = started(resumed, "probing")
    reached(4, second, resumed)
    second.send_signal(signal.SIGINT)
    goodbye = second.communicate(timeout=60)[0]
    assert second.returncode == 130, goodbye
    return Runs(killed, farewell, resumed, goodbye)


def test_a_killed_run_says_what_is_kept(runs: Runs):
    assert "training stopped after step 4 (exit -9)" in runs.farewell
    assert "logs/driver.log" in runs.farewell


def test_a_stopped_run_says_how_to_go_on(runs: Runs):
    assert "the checkpoint of step 4 is kept; the same command goes on from there" in runs.goodbye
    assert not [
        each for each in psutil.process_iter(["cmdline"]) if str(runs.resumed) in " ".join(each.info["cmdline"] or ())
    ]


def test_rollout_and_trainer_agree_about_every_token(runs: Runs):
    assert all(line["logprob_gap/max"] <= 1e-5 for line in lines(runs.killed).values())


def probed(runs: Runs) -> dict[str, Any]:
    return json.loads((runs.resumed / "rl" / "logs" / "probes.json").read_text())


def test_servers_and_players_load_beside_the_trainer(runs: Runs):
    assert {"limner_player_0", "limner_server_0"} <= set(probed(runs)["beside"])


def test_a_gap_that_is_not_allowed_stops_a_step(runs: Runs):
    assert re.match(r"rollout and trainer disagree by \d\S* about a token .*gap_stop", probed(runs)["gap"])


def test_a_trainer_to_which_all_pictures_are_one_stops_in_its_first_step(runs: Runs):
    assert probed(runs)["blind"].startswith("the trainer is blind: with the pixels of all pictures shuffled")


def test_a_pool_of_segmenters_answers_as_one_in_this_process(runs: Runs):
    assert probed(runs)["pool"]["same"] is True


def test_an_actor_that_dies_is_started_again_and_asked_again(runs: Runs):
    assert probed(runs)["pool"]["again"] == 2


def test_a_dead_or_late_pool_is_broken_and_never_a_number(runs: Runs):
    pool = probed(runs)["pool"]
    assert len(pool["dead"]) == len(pool["slow"]) == 8
    assert all(reason.startswith("segmenter pool: ActorDiedError") for reason in pool["dead"])
    assert all(reason.startswith("segmenter pool: GetTimeoutError") for reason in pool["slow"])


def test_a_pool_that_answers_wrongly_is_broken_and_goes_on(runs: Runs):
    pool = probed(runs)["pool"]
    assert len(pool["few"]) == len(pool["small"]) == 8
    assert all("7 answers to 8 prompts" in reason for reason in pool["few"])
    assert all("gave a mask of 3×3 for a frame of 64×64" in reason for reason in pool["small"])


def test_the_trainer_is_not_blind(runs: Runs):
    assert lines(runs.killed)[1]["canary/logprob_change"] > 1e-3


def test_every_picture_that_was_played_with_is_trained_on(runs: Runs):
    for line in lines(runs.killed).values():
        assert line["images/trained"] == line["images/rolled_out"] > 0


def test_an_env_that_fails_costs_its_episodes_and_the_batch_keeps_its_size(runs: Runs):
    told = lines(runs.killed).values()
    assert {line["episodes/count"] for line in told} == {16}
    assert 0 < max(line["episodes/dropped"] for line in told) < 1
    for line in told:
        assert line["episodes/error"] == line["episodes/dropped"]
        assert line["episodes/unscored"] == 0
        assert line["images/rolled_out"] == 3 * 16 * (1 - line["episodes/dropped"])


def test_groups_of_the_first_step_and_of_checkpoints_are_kept_with_their_advantages(runs: Runs):
    entries = record.read(runs.killed / "train").entries
    assert list(dict.fromkeys(entry.stage for entry in entries)) == ["rl step 1", "rl step 2", "rl step 4"]
    for start in range(0, len(entries), 4):
        group = entries[start : start + 4]
        assert len({(entry.stage, entry.group) for entry in group}) == 1
        totals = [entry.earned.total if entry.earned else None for entry in group]
        earned = grpo(np.array([np.nan if total is None else total for total in totals]), ["one"] * 4)
        assert [entry.advantage or 0.0 for entry in group] == pytest.approx(earned.tolist(), abs=1e-5)
        assert [entry.advantage is None for entry in group] == [total is None for total in totals]


def test_a_resumed_run_keeps_no_group_twice(runs: Runs):
    assert record.read(runs.resumed / "train").entries == record.read(runs.killed / "train").entries


def test_each_part_of_the_reward_is_told(runs: Runs):
    for line in lines(runs.killed).values():
        total = line["reward/vowels/mean"] + 0.1 * line["reward/brevity/mean"]
        assert line["reward/mean"] == pytest.approx(total)


def test_a_step_is_playing_and_learning_and_little_else(runs: Runs):
    steps = [line for step, line in lines(runs.killed).items() if step in (3, 5)]  # the others save
    assert min(line["time/outside_s"] / line["time/step_s"] for line in steps) <= 0.2  # half of it on a quiet machine


def test_the_event_loop_keeps_listening(runs: Runs):
    assert min(line["time/stall_s"] for line in lines(runs.killed).values()) <= 0.1  # half of it on a quiet machine


def test_a_resumed_run_draws_earns_and_learns_the_same(runs: Runs):
    whole, resumed = lines(runs.killed), lines(runs.resumed)
    for step in (3, 4):
        rewards = [name for name in whole[step] if name.startswith("reward/")]
        for name in (*rewards, "images/rolled_out", "episodes/dropped", "loss", "grad_norm"):
            assert resumed[step][name] == pytest.approx(whole[step][name], abs=1e-6), (step, name)
    chains = [
        json.loads((run / "rl/checkpoints/global_step_4/limner.json").read_text())
        for run in (runs.killed, runs.resumed)
    ]
    assert chains[0] == chains[1]
    weights = [
        load_file(run / "rl/checkpoints/global_step_4/actor/huggingface/model.safetensors")
        for run in (runs.killed, runs.resumed)
    ]
    assert max(float((weights[0][name] - weights[1][name]).abs().max()) for name in weights[0]) <= 1e-6


def test_every_step_is_told_once_though_a_run_was_killed_before_it_told_what_it_had_saved(runs: Runs):
    told = read(runs.resumed / "metrics.jsonl", "rl")
    assert [line["step"] for line in told] == [1, 2, 3, 4]
    whole = lines(runs.killed)[2]
    assert told[1] == {name: whole[name] for name in told[1]}
    assert {"loss", "reward/mean", "entropy", "time/generate_s", "images/trained"} <= set(told[1])


def test_verl_is_given_what_is_played_without_ray(runs: Runs, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(PEEK)
    run = Run(runs.killed)
    kept = torch.load(run.first_rows, weights_only=False)
    recipe = run.recipe
    generator = Generator.load(recipe.reasoner)
    voice = recipe.reasoner.voice()

    async def played(index: int, session: int) -> Sample:
        place = (recipe.seed, 1, "train", index, session)
        ask = Batcher(generator.generate)
        policy = ModelPolicy(voice, ask, recipe.rollout, recipe.env.system, seed(*place, 0))
        await play(recipe.data.train.task(index), recipe.env, policy)
        await ask.close()
        return Sample.of(policy.ledger.close(), policy.images, voice)

    rows = [row for row, inputs in enumerate(kept["multi_modal_inputs"]) if inputs]
    assert rows
    for row in rows:
        sample = asyncio.run(played(int(kept["index"][row]), int(kept["session_id"][row])))
        assert kept["input_ids"][row].tolist() == sample.prompt + sample.response
        assert kept["response_mask"][row].tolist() == sample.mask
        assert torch.equal(kept["position_ids"][row], sample.positions)
        assert torch.allclose(kept["rollout_log_probs"][row], torch.tensor(sample.log_probs), atol=1e-5)
        for name, values in sample.pictures.items():
            assert torch.equal(kept["multi_modal_inputs"][row][name], values), name
