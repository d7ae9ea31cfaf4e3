"""The tasks that are played are those that `limner check` calls sound, and what it refuses, training refuses."""

from pathlib import Path

import pytest

from framework import rows
from framework.errors import DataError
from framework.recipe import find_recipe
from framework.train.dataset import Rows, Tasks
from framework.train.run import VARIABLE, Run

PEEK = str(Path(__file__).parent / "peek" / "peek.yaml")


def torn(faulty: str, every: int = 3) -> Tasks:
    source = f"{{use: 'peeking:Torn', count: 7, every: {every}}}"
    return Tasks(find_recipe(PEEK, [f"data.train={source}", f"data.faulty={faulty}"]).data)


def test_verl_is_handed_numbers_and_no_row_is_read_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = Run(tmp_path)
    run.begin(find_recipe(PEEK, ["data.train={use: 'peeking:Torn', count: 7, every: 1}"]))
    monkeypatch.setenv(VARIABLE, str(run.home))
    for most, size in ((-1, 7), (3, 3)):
        drawn = Rows("train", max_samples=most)
        assert [drawn[number]["index"] for number in range(len(drawn))] == list(range(size))


def test_a_faulty_row_stops_training_in_the_words_of_check():
    tasks = torn("stop")
    with pytest.raises(DataError) as checked:
        rows.read(tasks.sources["train"], range(7), "stop")
    with pytest.raises(DataError) as trained:
        [tasks.task("train", index) for index in range(7)]
    assert str(trained.value) == str(checked.value)
    assert str(trained.value).startswith("row 0 of Torn")


def test_faulty_rows_are_left_out_and_each_is_told_once(capsys: pytest.CaptureFixture[str]):
    tasks = torn("skip")
    played = [[tasks.task("train", index) for index in range(7)] for _ in range(2)]
    source = tasks.sources["train"]
    assert played == [[source.task(row) for row in (1, 1, 2, 4, 4, 5, 1)]] * 2
    faults = rows.read(source, range(7), "skip").faults
    assert capsys.readouterr().out.splitlines() == [f"left out: {fault}" for fault in faults]


def test_data_without_a_sound_row_stop_training_even_so():
    with pytest.raises(DataError, match=r"data\.train: all 7 rows are faulty; the first: row 0 of Torn"):
        torn("skip", every=1).task("train", 5)
