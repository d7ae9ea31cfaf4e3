import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from framework.cli import main
from framework.commands import rescore as command
from framework.errors import UserError
from framework.recipe import find_recipe
from framework.record import Entry, Record, read
from framework.rescore import ranks, rescore
from framework.types import RewardBreakdown

QUICK = find_recipe("quickstart")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two groups of training and one of watching, played by experts that err and scored by the quickstart's rewards."""
    folder = tmp_path_factory.mktemp("runs") / "quick"
    from framework.commands.dry import drawn, played

    recipe = QUICK.model_copy(update={"algorithm": QUICK.algorithm.model_copy(update={"group": 6})})
    episodes = played(recipe, drawn(recipe, 18).tasks, "mixed", 18)
    record = Record(folder / "train")
    for number, (episode, earned) in enumerate(zip(episodes, recipe.rubric.score(episodes), strict=True)):
        record.add(episode, earned, policy="rl", stage=f"rl step {1 + 99 * (number // 12)}")
    return folder


def entries(run: Path) -> tuple[Entry, ...]:
    return read(run / "train").entries


def test_the_same_recipe_changes_nothing(run: Path) -> None:
    found = rescore(entries(run), QUICK)
    assert (found.turned, found.left_out, found.groups) == (0, 0, 3)
    assert found.order == pytest.approx(1.0)
    assert all(part.numbers[0] == pytest.approx(part.numbers[1]) for part in found.parts)
    assert all(each.advantages[0] == pytest.approx(each.advantages[1], abs=1e-9) for each in found.changes)


def test_the_opposite_recipe_turns_every_advantage(run: Path) -> None:
    found = rescore(
        entries(run), find_recipe("quickstart", ["rewards.moment.weight=-0.3", "rewards.place.weight=-0.6"])
    )
    assert found.order == pytest.approx(-1.0)
    told = [each for each in found.changes if abs(each.advantages[0]) > 1e-6]
    assert told
    assert all(each.turned for each in told)
    assert found.most[0].why.startswith(("place −", "moment −"))


def test_parts_are_those_of_either_recipe(run: Path) -> None:
    found = rescore(entries(run), find_recipe("quickstart", ["rewards.economy.use=turn_economy"]))
    parts = {part.name: part.numbers for part in found.parts}
    assert list(parts) == ["form", "moment", "place", "economy", "total"]
    assert parts["economy"] == (None, 1.0)


def test_settings_that_change_are_those_of_the_step_at_which_it_was_played(run: Path) -> None:
    changing = find_recipe("quickstart", ["rewards.form={weight: 0.1, over_steps: {weight: {at: {1: 0, 100: 5}}}}"])
    adds = [each.after.terms["form"] for each in rescore(entries(run), changing).changes]
    assert adds == [0.0] * 12 + [5.0] * 6


def test_what_was_learned_from_is_taken_as_it_was(run: Path) -> None:
    kept = [replace(entry, advantage=-7.0) for entry in entries(run)[:6]]
    found = rescore([*kept, *entries(run)[6:]], QUICK)
    assert [each.advantages[0] for each in found.changes[:6]] == [-7.0] * 6
    assert found.changes[6].advantages[0] == pytest.approx(found.changes[6].advantages[1])


def test_what_was_never_scored_is_left_out_and_told(run: Path) -> None:
    first, *rest = entries(run)
    assert rescore([replace(first, earned=None), *rest], QUICK).left_out == 1
    with pytest.raises(UserError, match="no stored episode has a reward"):
        rescore([replace(first, earned=None)], QUICK)


def test_a_group_that_is_dropped_has_no_reward_and_no_advantage(run: Path) -> None:
    lost = RewardBreakdown(parts={}, total=None)
    found = rescore([replace(entry, earned=lost) for entry in entries(run)], QUICK)
    assert found.order is None
    assert {each.advantages[0] for each in found.changes} == {0.0}
    assert "form" in {part.name for part in found.parts}


def test_gdpo_has_its_own_advantages(run: Path) -> None:
    found = rescore(entries(run), find_recipe("quickstart", ["algorithm.advantage=gdpo"]))
    assert found.estimator == "gdpo"
    assert rescore(entries(run), find_recipe("quickstart", ["algorithm.advantage=gae"])).estimator == "grpo"


def test_equals_share_a_rank() -> None:
    assert ranks(np.array([0.3, 0.1, 0.1 + 1e-12, 0.9])).tolist() == [3.0, 1.5, 1.5, 4.0]


def test_the_command_shows_a_table_and_draws_a_page(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], drawn
) -> None:
    argv = ["reward", "rescore", str(run), "quickstart", "rewards.place.weight=-0.6", "--out", str(tmp_path)]
    assert main(argv) == 0
    said = capsys.readouterr().out
    assert "total = 0.1·form + 0.3·moment + -0.6·place" in said
    assert re.search(r"\d+ of 18 advantages would have changed their sign", said)
    assert "turned" in said
    page = tmp_path / "rescored.html"
    assert str(page) in said
    shown = drawn(page)
    assert shown.count('<article class="episode">') >= 1
    assert "advantage turned" in shown


def test_a_folder_without_episodes_is_told_which_below_has_some(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "play").mkdir()
    (tmp_path / "play" / "episodes.jsonl").touch()
    assert main(["reward", "rescore", str(tmp_path), "quickstart"]) == 2
    said = capsys.readouterr().err
    assert "holds no episodes.jsonl" in said
    assert said.endswith(f"give the folder of a run, as {tmp_path / 'play'}\n")


def test_the_table_is_short(run: Path) -> None:
    assert command.changed(rescore(entries(run), QUICK).most[: command.SHOWN]).row_count == command.SHOWN
