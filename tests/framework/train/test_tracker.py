from pathlib import Path

from framework.train.tracker import Tracker, line, read, read_on, rewind

STEP = {"timing_s/step": 2.0, "timing_s/gen": 1.0, "timing_s/old_log_prob": 0.2, "timing_s/update_actor": 0.5}


def test_verls_names_become_ours_and_ours_stay():
    told = line("rl", 3, {"reward/mean": 0.5, "perf/total_num_tokens": 7, "actor/entropy": 1.0, "perf/mfu/actor": 9})
    assert told == {"stage": "rl", "step": 3, "reward/mean": 0.5, "tokens": 7, "entropy": 1.0}


def test_what_is_neither_play_nor_learning_is_outside_and_scoring_is():
    assert round(line("rl", 1, STEP)["time/outside_s"], 6) == 0.3
    assert round(line("rl", 1, STEP | {"time/reward_s": 0.1})["time/outside_s"], 6) == 0.4


def test_what_is_no_number_is_null():
    assert line("rl", 1, {"reward/mean": float("nan")})["reward/mean"] is None


def test_a_resumed_run_writes_over_what_came_after_its_checkpoint(tmp_path: Path):
    file = tmp_path / "metrics.jsonl"
    first = Tracker(file)
    for step in (1, 2, 3):
        first.log({"reward/mean": 0.0}, step)
    with file.open("a") as out:
        out.write('{"stage": "rl", "step"')  # killed in the middle of a line
    rewind(file, "rl", 2)
    Tracker(file).log({"reward/mean": 1.0}, 3)
    assert [(each["step"], each["reward/mean"]) for each in read(file, "rl")] == [(1, 0.0), (2, 0.0), (3, 1.0)]


def test_a_checkpoint_brings_the_line_that_a_killed_run_did_not_come_to_write(tmp_path: Path):
    file, saved = tmp_path / "metrics.jsonl", tmp_path / "told.jsonl"
    Tracker(file).log({}, 1)
    for loss in (0.5, 0.25):  # the first of two savings was cut off
        Tracker(saved).log({"actor/pg_loss": loss}, 2)
    for _ in range(2):
        rewind(file, "rl", 2, saved)
    assert [(each["step"], each.get("loss")) for each in read(file, "rl")] == [(1, None), (2, 0.25)]


def test_stages_count_for_themselves(tmp_path: Path):
    file = tmp_path / "metrics.jsonl"
    Tracker(file, "cold_start").log({}, 5)
    Tracker(file, "rl").log({}, 3)
    rewind(file, "rl", 0)
    assert [each["step"] for each in read(file, "cold_start")] == [5]
    assert read(file, "rl") == []


def test_lines_are_read_once_as_they_come(tmp_path: Path):
    file = tmp_path / "metrics.jsonl"
    assert read_on(file, "rl", 0) == ([], 0)
    Tracker(file).log({}, 1)
    [first], at = read_on(file, "rl", 0)
    Tracker(file, "cold_start").log({}, 7)
    with file.open("a") as out:
        out.write('{"stage": "rl", "step": 2}')  # not at its end yet
    others, later = read_on(file, "rl", at)
    with file.open("a") as out:
        out.write("\n")
    [second], end = read_on(file, "rl", later)
    assert (first["step"], others, second["step"], end) == (1, [], 2, file.stat().st_size)
