"""The rows that verl is handed are those that `limner check` calls sound, and what it refuses, training refuses."""

from pathlib import Path

import pytest

from framework import rows
from framework.errors import DataError
from framework.recipe import find_recipe
from framework.train.dataset import Rows
from framework.train.run import VARIABLE, Run

PEEK = str(Path(__file__).parent / "peek" / "peek.yaml")


def torn(folder: Path, patch: pytest.MonkeyPatch, faulty: str, every: int = 3) -> Rows:
    source = f"{{use: 'peeking:Torn', count: 7, every: {every}}}"
    run = Run(folder)
    run.begin(find_recipe(PEEK, [f"data.train={source}", f"data.faulty={faulty}"]))
    patch.setenv(VARIABLE, str(run.home))
    return Rows("train")


def test_a_faulty_row_stops_training_in_the_words_of_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    dataset = torn(tmp_path, monkeypatch, "stop")
    with pytest.raises(DataError) as checked:
        rows.read(dataset.source, range(7), "stop")
    with pytest.raises(DataError) as trained:
        [dataset[index] for index in range(7)]
    assert str(trained.value) == str(checked.value)
    assert str(trained.value).startswith("row 0 of Torn")


def test_faulty_rows_are_left_out_and_each_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    dataset = torn(tmp_path, monkeypatch, "skip")
    drawn = [[dataset[index]["index"] for index in range(7)] for _ in range(2)]
    assert drawn == [[1, 1, 2, 4, 4, 5, 1]] * 2
    found = rows.read(dataset.source, range(7), "skip")
    assert [dataset.source.task(index) for index in (1, 2, 4, 5)] == list(found.tasks)
    assert capsys.readouterr().out.splitlines() == [f"left out: {fault}" for fault in found.faults]


def test_data_without_a_sound_row_stop_training_even_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    dataset = torn(tmp_path, monkeypatch, "skip", every=1)
    with pytest.raises(DataError, match=r"data\.train: all 7 rows are faulty; the first: row 0 of Torn"):
        dataset[5]
