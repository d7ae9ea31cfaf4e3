from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework.cli import main
from framework.commands.rate import BLOCK
from framework.difficulty import rating
from framework.difficulty.course import Course, steady, swings
from framework.difficulty.levels import LEVELS
from framework.difficulty.simulation import simulate
from framework.errors import DataError, UserError
from framework.lab.rater import rate as rated
from framework.lab.world import World
from framework.recipe import Recipe, find_recipe
from framework.types import Task

ROOM = "rollout.reply_tokens=512"
LENGTH = "rewards.length.use=soft_length"
STEPS = 240


def recipe(*changes: str) -> Recipe:
    return find_recipe("quickstart", [LENGTH, ROOM, *changes])


def course(*changes: str, pace: float = 1.0) -> Course:
    lines = simulate(recipe(*changes), STEPS, pace)
    return Course(lines, lines)


def test_the_usual_settings_settle_and_cost_something() -> None:
    found = Course(simulate(recipe(), STEPS), simulate(recipe(), STEPS, without=True))
    assert found.verdict.startswith("It settles: easy, medium and hard tasks are thought about for ")
    assert all(25 < found.length(level)[-1] < 65 for level in LEVELS)
    assert steady(found.without, "length")[-1] > 100
    assert steady(found.without, "right")[-1] > steady(found.steps, "right")[-1]
    assert "without it" in found.facts[0]


@pytest.mark.parametrize(
    ("changes", "pace", "verdict"),
    [
        (["rewards.length.medium=5", "rewards.length.beta=0.02"], 1, "It collapses: "),
        (["rewards.length.medium=5", "rewards.length.beta=0.5"], 1, "It stalls: "),
        (["rewards.length.medium=100000"], 1, "It never acts: "),
        ([], 8, "It oscillates: "),
        (
            [
                "rewards.length.over_steps.medium.at={0: 60, 50: 15, 90: 60, 130: 15, 170: 60, 210: 15}",
                "rewards.length.over_steps.medium.between=steps",
                "rewards.length.beta=0.02",
            ],
            3,
            "It oscillates: ",
        ),
    ],
)
def test_what_goes_wrong_is_seen_before_a_run(changes: Sequence[str], pace: float, verdict: str) -> None:
    assert course(*changes, pace=pace).verdict.startswith(verdict)


def test_budgets_are_those_of_the_rated_tasks(tmp_path: Path) -> None:
    path = tmp_path / "ratings.json"
    rating.write(path, {f"t{at}": (float(1 + at % 10),) * 5 for at in range(100)})
    found = course(f"rewards.length.difficulty.ratings={path}", "rewards.length.beta=0.05").steps
    for level, budget in zip(LEVELS, (40, 60, 80), strict=True):
        assert {line[f"budget/{level}"] for line in found if f"budget/{level}" in line} == {budget}
    easy, _, hard = (found[-1][f"length/{level}"] for level in LEVELS)
    assert easy < hard


def test_budgets_may_follow_what_groups_come_to() -> None:
    found = course("rewards.length.difficulty.by.use=group_difficulty").steps
    assert {line["budget"] for line in found} - {40.0, 60.0, 80.0}
    assert steady(found, "budget")[-1] < steady(found, "budget")[0]


def test_the_same_seed_has_the_same_course() -> None:
    first, again, other = (simulate(recipe(f"seed={seed}"), 20) for seed in (1, 1, 2))
    assert first == again != other


def test_swings_are_turns_that_matter() -> None:
    wave = 50 + 20 * np.sin(np.linspace(0, 6 * np.pi, 100))
    assert swings(wave) == 6
    assert swings(50 + wave / 20) == 0
    assert swings(np.linspace(10, 90, 50)) == swings(np.full(9, 3.0)) == 0


def test_a_recipe_without_budgets_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="none has budgets by difficulty; add one, as in"):
        simulate(find_recipe("quickstart"), 1)
    assert main(["reward", "simulate", "quickstart", LENGTH, "--pace", "0"]) == 2
    assert "'0' will not do; it should be a number above 0" in capsys.readouterr().err


def test_the_command_shows_a_table_and_draws_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str], drawn) -> None:
    argv = ["reward", "simulate", "quickstart", LENGTH, ROOM, "-n", "40", "--out", str(tmp_path)]
    assert main(argv) == 0
    said = capsys.readouterr().out
    assert "total = (0.1·form + 0.3·moment + 0.6·place) · length" in said
    assert [line.split()[0] for line in said.splitlines()[4:8]] == [*LEVELS, "all"]
    page = tmp_path / "report.html"
    assert f"page    {page}" in said
    shown = drawn(page)
    assert shown.count('<figure class="panel">') == 5
    assert "all, without it" in shown


# ---- rating ----------------------------------------------------------------------------------------------------------


def says(text: str) -> Any:
    return lambda request, _: request.say(text)


def rate(tmp_path: Path, url: str, *more: str) -> int:
    rater = f"{{url: {url}, model: m, retries: 1, pause_s: 0.01, cache: {tmp_path / 'asked'}}}"
    where = "rewards.length.difficulty"
    settings = [f"{where}.ratings={tmp_path / 'kept' / 'ratings.json'}", f"{where}.rater={rater}"]
    return main(["reward", "rate", "quickstart", LENGTH, *settings, *more])


def test_tasks_are_shown_to_a_model_and_its_ratings_kept(tmp_path: Path, serve, capsys) -> None:
    with serve(says("Hard to say: [3, 8, 5, 6, 2]")) as served:
        assert rate(tmp_path, served.url, "-n", "3") == 0
        assert len(served.asked) == 3
        *pictures, text = served.asked[0]["messages"][0]["content"]
        assert len(pictures) == 6
        assert all(each["image_url"]["url"].startswith("data:image/jpeg;base64,/9j/") for each in pictures)
        assert "scene complexity" in text["text"]
        assert rate(tmp_path, served.url, "-n", "40") == 0
        assert len(served.asked) == 40
    known = rating.read(tmp_path / "kept" / "ratings.json")
    assert len(known) == 40
    assert set(known.values()) == {(3, 8, 5, 6, 2)}
    assert "40 ratings in" in capsys.readouterr().out
    ready = find_recipe("quickstart", [LENGTH, f"rewards.length.difficulty.ratings={tmp_path / 'kept/ratings.json'}"])
    assert {ready.data.train.task(row).id for row in range(40)} == set(known)


def test_a_block_of_faulty_rows_is_left_out_of_a_rating(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = World.task

    def task(self: World, index: int) -> Task:
        if index < BLOCK:
            raise DataError("no such clip")
        return whole(self, index)

    monkeypatch.setattr(World, "task", task)
    where = "rewards.length.difficulty"
    changes = [f"{where}.ratings={tmp_path / 'ratings.json'}", f"{where}.rater=lab", "data.faulty=skip"]
    assert main(["reward", "rate", "quickstart", LENGTH, *changes, "-n", str(BLOCK + 2)]) == 0
    said = capsys.readouterr().out
    assert said.count("left out: row") == BLOCK
    assert "2 ratings in" in said
    assert main(["dry", "quickstart", *changes[2:], "-n", "8"]) == 0


@pytest.mark.parametrize("said", ["no idea", "[1, 2, 3]", "[3, 8, 5, 6, 11]", "[3, 8, 5, 6, 0.5]", "[1,2,,3]", ""])
def test_what_is_no_rating_is_not_kept(tmp_path: Path, serve, capsys: pytest.CaptureFixture[str], said: str) -> None:
    with serve(says(said)) as served:
        assert rate(tmp_path, served.url, "-n", "2") == 2
    assert f"m said {said!r}; 0 ratings are in" in capsys.readouterr().err
    assert not (tmp_path / "kept").exists()


def test_tasks_that_could_not_be_rated_are_named(tmp_path: Path, serve, capsys: pytest.CaptureFixture[str]) -> None:
    def moody(request: Any, asked: dict[str, Any]) -> None:
        request.say("[1, 1, 1, 1, 1]" if len(served.asked) % 3 else "…")

    with serve(moody) as served:
        assert rate(tmp_path, served.url, "-n", "6", "rewards.length.difficulty.rater.at_once=1") in (0, 1)
        assert rate(tmp_path, served.url, "-n", "6") == 0
    assert "6 ratings in" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["reward", "data"])
def test_the_lab_rates_its_own_clips(tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    path, where = tmp_path / "ratings.json", "rewards.length.difficulty"
    assert (
        main([command, "rate", "quickstart", LENGTH, f"{where}.ratings={path}", f"{where}.rater=lab", "-n", "40"]) == 0
    )
    assert "40 ratings in" in capsys.readouterr().out
    source = find_recipe("quickstart").data.train
    assert rating.read(path) == {task.id: rated(task) for task in map(source.task, range(40))}


def test_budgets_may_be_those_of_the_labs_own_clips() -> None:
    where = "rewards.length.difficulty"
    found = simulate(recipe(f"{where}.rater=lab", f"{where}.tau_easy=3.5", f"{where}.tau_hard=4"), 5)
    assert {line["budget/easy"] for line in found if "budget/easy" in line} == {40.0}
    assert any("budget/hard" in line for line in found)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([], "rewards.length.difficulty.ratings: names no file; say where they are kept"),
        (["rewards.length.difficulty.ratings=r.json"], "rewards.length.difficulty.rater: must be given: "),
    ],
)
def test_what_rating_needs_is_told(changes: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reward", "rate", "quickstart", LENGTH, *changes]) == 2
    assert told in capsys.readouterr().err
