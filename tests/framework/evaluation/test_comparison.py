from collections.abc import Mapping
from pathlib import Path

import pytest

from framework.cli import main
from framework.commands.view import view
from framework.errors import UserError
from framework.evaluation.arena import Gain
from framework.evaluation.comparison import compare
from framework.evaluation.standings import Row, write
from framework.types import Task, Video

CLIP = Video("clip", 1, 8, 8)
SURE, CHANCE = Gain(0.05, 0.02, 0.08), Gain(0.01, -0.02, 0.04)


def row(score: float, by_lot: float | None = None) -> Row:
    return Row(score=score, sampled_score=by_lot, well_formed=0.995)


BEFORE = {"random": row(0.1), "cold_start": row(0.6, 0.4)}
AFTER = BEFORE | {
    "cold_start_blanked": row(0.2),
    "rl": row(0.65, 0.5),
    "blanked": row(0.15),
    "blind": row(0.02),
    "shuffled": row(0.11),
}


def judged(folder: Path, rows: Mapping[str, Row], *gains: Gain, first: int = 0) -> Path:
    tasks = [Task(id=str(number), question="?", video=CLIP) for number in range(first, 400)]
    folder.mkdir(parents=True)
    found: dict[str, Gain] = dict(zip(("greedy", "sampled"), gains, strict=False))
    write(folder / "eval.json", "place", seed=0, tasks=tasks, rows=rows, gains=found)
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    runs = [judged(tmp_path / "seed0", AFTER, SURE, SURE), judged(tmp_path / "seed1", AFTER, CHANCE, SURE)]
    return [*runs, judged(tmp_path / "longer", BEFORE)]


def test_every_run_has_a_column_and_both_ends_of_its_training(runs: list[Path]) -> None:
    marks = runs[0] / "cold_start" / "checkpoints"
    (marks / "global_step_240").mkdir(parents=True)
    (marks / "latest_checkpointed_iteration.txt").write_text("240")
    found = compare(runs)
    assert found.columns == ("", "seed0", "seed1", "longer")
    told = {name: cells for name, *cells in found.rows}
    assert told["steps: cold start + rl"] == ["240", "–", "–"]
    assert told["place"] == ["0.600 → 0.650", "0.600 → 0.650", "0.600"]
    assert told["gain"] == ["+0.050 [+0.020, +0.080]", "+0.010 [-0.020, +0.040]", "–"]
    assert told["place, by lot"] == ["0.400 → 0.500", "0.400 → 0.500", "0.400"]
    assert told["blanked: grey where it looked"] == ["0.200 → 0.150", "0.200 → 0.150", "–"]
    assert told["blind: made to answer at once"] == ["0.020", "0.020", "–"]


def test_runs_that_gained_are_those_whose_interval_is_above_0(runs: list[Path]) -> None:
    assert compare(runs).summary.endswith("interval above 0: 1 of 2 always the likeliest reply, 2 of 2 by lot.")
    assert compare(runs[2:]).summary == "400 held-out tasks, score place; a → b is before and after rl."


def test_runs_that_were_judged_differently_are_not_compared(runs: list[Path], tmp_path: Path) -> None:
    other = judged(tmp_path / "other", BEFORE, first=100)
    with pytest.raises(UserError, match=r"other: 300 tasks \(\w+\) scored by place, but .*seed0: 400 tasks \(\w+\)"):
        compare([runs[0], other])
    with pytest.raises(UserError, match=r"nowhere: holds no eval\.json; make one with: limner eval RECIPE --out"):
        compare([tmp_path / "nowhere"])


def test_the_table_is_shown_at_the_terminal_and_for_a_readme(
    runs: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *map(str, runs)]) == 0
    assert "0.600 → 0.650" in capsys.readouterr().out
    assert main(["compare", "--markdown", *map(str, runs)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["|  | seed0 | seed1 | longer |", "| --- | --- | --- | --- |"]
    assert all(line.count("|") == 5 for line in lines[:-2])


def test_the_page_of_a_run_shows_the_others(runs: list[Path]) -> None:
    assert "Beside other runs" in view(runs[0], others=runs[1:]).read_text()
    assert "Beside other runs" not in view(runs[0]).read_text()
