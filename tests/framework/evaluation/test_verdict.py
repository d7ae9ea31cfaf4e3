"""A whole evaluation, with a tiny reasoner that has learned nothing in both places: what is written and said of it."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from framework.errors import UserError
from framework.evaluation import standings
from framework.evaluation.verdict import judge
from framework.recipe import Recipe, find_recipe
from framework.record import Record, read

PLAYERS = ["random", "expert", "cold_start", "cold_start_blanked", "rl", "blanked", "blind", "shuffled"]


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    changes = [
        "reasoner.grounding=0",
        "data.eval.count=16",
        "stages.eval.rounds=2",
        "stages.eval.players=[random,expert]",
    ]
    return find_recipe("quickstart", changes)


@pytest.fixture(scope="module")
def judged(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of the evaluation, and what the terminal showed."""
    folder, said = tmp_path_factory.mktemp("run"), StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIMNER_CACHE", str(tmp_path_factory.mktemp("cache")))
        model = Path(recipe.reasoner.folder())
        tables, gains = judge(recipe, folder, {"cold_start": model, "rl": model})
    out = Console(file=said, width=120)
    for line in (*tables, *gains):
        out.print(line)
    return folder, said.getvalue()


def policies(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "eval.json").read_text())["policies"]


def test_everyone_plays(judged: tuple[Path, str]) -> None:
    folder, _ = judged
    assert list(policies(folder)) == PLAYERS
    assert {entry.policy for entry in read(folder / "eval").entries} == {"expert", "cold_start", "rl"}


def test_a_model_is_judged_by_its_likeliest_reply_and_by_lot(judged: tuple[Path, str]) -> None:
    for name, each in policies(judged[0]).items():
        by_lot = {each["sampled_score"], each["sampled_well_formed"]}
        assert (None in by_lot) == (name not in ("cold_start", "rl")), name
        assert 0 <= each["well_formed"] <= 1


def test_the_same_model_twice_has_gained_nothing(judged: tuple[Path, str]) -> None:
    found = standings.read(judged[0] / "eval.json")
    assert {(gain.mean, gain.low, gain.high) for gain in found.gains.values()} == {(0.0, 0.0, 0.0)}
    assert found.seed == 0


def test_pairs_that_were_never_asked_for_in_training_are_told_apart(judged: tuple[Path, str]) -> None:
    folder, said = judged
    assert set(policies(folder)["rl"]["by_kind"]) == {"attribute", "attribute, unseen pair"}
    table = said[said.index("by kind of question") :]
    assert table.splitlines()[0].split("  ")[-1].strip() == "attribute, unseen pair"
    assert [line.split()[0] for line in table.splitlines()[1:9]] == PLAYERS


def test_what_was_found_is_written_before_what_may_fail(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise UserError("no room")

    lean = recipe.stages.eval.model_copy(update={"players": ("expert",)})
    alone = recipe.model_copy(update={"stages": recipe.stages.model_copy(update={"eval": lean})})
    monkeypatch.setattr(Record, "add", full)
    with pytest.raises(UserError, match="no room"):
        judge(alone, tmp_path, {})
    assert list(policies(tmp_path)) == ["expert"]


def test_an_evaluation_may_be_of_one_model_alone(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMNER_CACHE", str(tmp_path / "cache"))
    lean = recipe.stages.eval.model_copy(update={"players": (), "models": ("rl",), "rounds": 0, "tampered": False})
    alone = recipe.model_copy(update={"stages": recipe.stages.model_copy(update={"eval": lean})})
    model = Path(alone.reasoner.folder())
    assert judge(alone, tmp_path, {"cold_start": model, "rl": model})[1] == []
    assert list(policies(tmp_path)) == ["rl"]
    assert standings.read(tmp_path / "eval.json").models == ["rl"]
