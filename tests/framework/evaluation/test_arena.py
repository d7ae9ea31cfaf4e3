import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.keyframes import Keyframes
from framework.env import Rules
from framework.evaluation.arena import Arena, gain, play_all
from framework.evaluation.standings import read, row, write
from framework.policy import Scripted
from framework.rubric import Rubric
from framework.types import Task, Truth, Video
from framework.vision.boxes import Box
from rewards.box import BoxIoU
from rewards.form import WellFormed


def task(number: int) -> Task:
    clip = Video(f"clip{number}", 4, 100, 100)
    kind = "even" if number % 2 == 0 else "odd"
    boxes = {1: (Box(0, 0, 50, 50, clip.space(1)),)}
    truth = Truth(present=(False, True) * 2, boxes=boxes, kind=kind)
    return Task(id=str(number), question="?", video=clip, truth=truth)


TASKS = [task(number) for number in range(6)]
RUBRIC = Rubric({"form": WellFormed(), "place": BoxIoU()})
ARENA = Arena(Keyframes(), RUBRIC, "place")
RIGHT, HALF = (f'<answer>{{"keyframe": 1, "bbox_2d": [0, 0, 500, {high}]}}</answer>' for high in (500, 250))


def played(*lines: str, rounds: int = 1, tasks: Sequence[Task] = TASKS):
    return asyncio.run(play_all(tasks, ARENA, lambda task, rules, seed: Scripted(*lines), rounds))


def test_a_task_without_an_answer_scores_nothing_and_still_counts() -> None:
    assert played("?").scores() == pytest.approx([0.0] * 6)
    assert played("?").well_formed() == 0.0


def test_scores_are_means_over_rounds() -> None:
    lines = iter([RIGHT] * 6 + [HALF] * 6)
    both = asyncio.run(play_all(TASKS, ARENA, lambda task, rules, seed: Scripted(next(lines)), rounds=2))
    assert both.scores() == pytest.approx([0.75] * 6)


def test_what_was_thought_is_counted_and_is_the_rows() -> None:
    aloud = played(f"<think>{'so ' * 10}</think>{RIGHT}")
    assert aloud.thoughts() == pytest.approx([10.0] * 6)
    assert row(TASKS, aloud).thought_tokens == 10
    assert row(TASKS, played(RIGHT)).thought_tokens == 0


def test_how_it_was_played_is_the_rows() -> None:
    """Clips of four frames whose first and third lack what is asked for."""
    look = '<select>{"start": 0, "end": 3, "keyframe": 0}</select>'
    aside = '<answer>{"keyframe": 2, "bbox_2d": [0, 0, 500, 500]}</answer>'
    lines = iter([[look, RIGHT], [look, aside], [RIGHT], [aside], ["?"], [look, "?"]])
    found = asyncio.run(play_all(TASKS, ARENA, lambda task, rules, seed: Scripted(*next(lines))))
    told = row(TASKS, found)
    assert told.turns_used == pytest.approx(9 / 6)
    assert told.unread_replies == pytest.approx(2 / 9)
    assert told.empty_keyframes == pytest.approx(3 / 5), "the fifth was shown no frame large, and named none"


def test_a_task_without_truth_has_no_score() -> None:
    tasks = [*TASKS[:1], replace(TASKS[1], truth=Truth())]
    found = asyncio.run(play_all(tasks, ARENA, lambda task, rules, seed: Scripted(RIGHT)))
    assert found.scores() == pytest.approx([1.0, np.nan], nan_ok=True)
    assert row(tasks, found).score == 1.0
    assert found.lost() == ["", ""]
    assert np.isnan(row(tasks[1:], played(RIGHT, tasks=tasks[1:])).score)


def test_each_round_and_task_is_asked_with_its_own_seed() -> None:
    asked: list[tuple[str, int]] = []

    def player(task: Task, rules: Rules, seed: int) -> Scripted:
        asked.append((task.id, seed))
        return Scripted(RIGHT)

    asyncio.run(play_all(TASKS[:2], ARENA, player, rounds=2, seed=7))
    assert asked == [("0", 7), ("1", 7), ("0", 8), ("1", 8)]


@given(st.integers(0, 5))
def test_a_constant_difference_has_no_spread(seed: int) -> None:
    before = np.linspace(0, 0.5, 40)
    found = gain(before + 0.1, before, seed)
    assert (found.mean, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))


def test_the_interval_covers_the_mean_about_as_often_as_it_says() -> None:
    lots = np.random.default_rng(0)
    covered = 0
    for number in range(200):
        found = gain(lots.normal(0.1, 1, 100), np.zeros(100), number)
        covered += found.low <= 0.1 <= found.high
    assert 180 <= covered <= 199


def test_eval_json_has_the_table_and_the_gain(tmp_path: Path) -> None:
    right, half = played(RIGHT), played(HALF)
    rows = {"rl": row(TASKS, right, right), "cold_start": row(TASKS, half)}
    gains = {"greedy": gain(right.scores(), half.scores()), "sampled": gain(right.scores(), half.scores())}
    write(tmp_path / "eval.json", "place", seed=3, tasks=TASKS, rows=rows, gains=gains)
    found = json.loads((tmp_path / "eval.json").read_text())
    assert found["policies"]["rl"]["score"] == 1.0
    assert found["policies"]["rl"]["by_kind"] == {"even": 1.0, "odd": 1.0}
    assert found["policies"]["cold_start"]["sampled_score"] is None
    assert (found["policies"]["rl"]["turns_used"], found["policies"]["rl"]["empty_keyframes"]) == (1.0, 0.0)
    assert read(tmp_path / "eval.json").rows == rows
    assert found["policies"]["cold_start"]["form"] == 1.0
    assert found["gain"]["mean"] == pytest.approx(0.5)
    assert found["gain"]["sampled"]["low"] == pytest.approx(0.5)


def test_an_evaluation_that_did_not_say_how_it_was_played_is_read(tmp_path: Path) -> None:
    path = tmp_path / "eval.json"
    write(path, "place", seed=3, tasks=TASKS, rows={"rl": row(TASKS, played(RIGHT))}, gains={})
    found = json.loads(path.read_text())
    for name in ("turns_used", "unread_replies", "empty_keyframes", "thought_tokens"):
        del found["policies"]["rl"][name]
    path.write_text(json.dumps(found))
    assert read(path).rows["rl"].turns_used is None
