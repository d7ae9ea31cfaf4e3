"""The rewards bench compares like with like: both sides give the same numbers."""

import json

import pytest

from framework.bench import o3, r1, race, rewards
from framework.cli import main
from framework.types import Answer
from framework.vision import masks


def test_both_sides_of_the_r1_rubric_give_every_reply_the_same():
    tasks = r1.asked(160)
    totals = rewards.totals(rewards.rubric("r1"), r1.played(tasks))
    assert totals == pytest.approx(r1.Loop(tasks).totals())
    assert len(set(totals)) > 20
    assert totals.max() > 7 > 5 > totals.min()


def test_geometry_is_the_same_by_itself():
    tasks = r1.asked(80)
    loop, rubric, played = r1.Loop(tasks), rewards.rubric("r1"), r1.played(tasks)
    answers = [each.answer or Answer() for each in played]
    one_by_one = [loop.geometry(each.items, known) for each, (*_, known) in zip(answers, loop.said, strict=True)]
    at_once = [rubric.rewards[name](played) for name in ("accuracy", "beside")]
    assert list(map(list, zip(*one_by_one, strict=True))) == [pytest.approx(each) for each in at_once]


def test_bits_and_run_lengths_earn_the_same():
    rubric = rewards.rubric("o3")
    bits, runs = (rubric.score(o3.episodes(16, store)) for store in (masks.pack, masks.encode))
    assert [each.parts for each in bits] == [each.parts for each in runs]
    assert all(not each.failures for each in bits)
    assert len({each.total for each in bits}) > 8


def test_every_figure_is_measured_told_and_written(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(rewards.measure, "__defaults__", (16, 1))
    assert main(["bench", "rewards", "--json", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert [line for line in said.err.splitlines() if line.endswith("O3: three turns, clips of 480p")]
    figures = json.loads(said.out)
    assert figures == json.loads((tmp_path / "rewards.json").read_text())
    assert figures["apart"]["o3"] == 0
    assert figures["apart"]["r1"] < 1e-9
    races, rates = rewards.shown(figures)
    assert (races.row_count, rates.row_count) == (3, 3)


def test_sides_take_turns_and_the_first_round_does_not_count():
    told = []
    sides = {name: lambda name=name: told.append(name) for name in "ab"}
    seconds = race.rotation(sides, rounds=2)
    assert told == list("ababab")
    assert {name: len(each) for name, each in seconds.items()} == {"a": 2, "b": 2}
