"""limner's games as an env of Gymnasium."""

import asyncio
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from framework.errors import DataError
from framework.gymnasium import Game
from framework.recipe import find_recipe

LOOK, ANSWER = '<select>{"keyframe": 2}</select>', '<answer>{"keyframe": 2, "bbox_2d": [8, 8, 24, 24]}</answer>'


@pytest.mark.parametrize("recipe", ["quickstart", "grid"])
def test_it_passes_gymnasiums_own_check_without_a_warning(recipe: str) -> None:
    env = gymnasium.make("framework.gymnasium:limner/Recipe-v0", recipe=recipe, render_mode="rgb_array", size=(64, 64))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)
    env.close()


def test_an_episode_is_shown_replied_to_and_paid_at_its_end() -> None:
    env: Any = Game("quickstart", size=(32, 32))
    seen, info = env.reset(seed=4)
    assert seen["text"].startswith("Find the ")
    assert (seen["text"].count("<image>"), len(seen["pictures"])) == (6, 6)
    seen, paid, terminated, truncated, told = env.step(LOOK)
    assert (paid, terminated, truncated, told) == (0, False, False, {})
    assert [each.shape for each in seen["pictures"]] == [(32, 32, 3)]
    assert np.array_equal(env.render(), seen["pictures"][0])
    seen, paid, terminated, truncated, told = env.step(ANSWER)
    assert (terminated, truncated, told["stop"], told["task"]) == (True, False, "answered", info["task"])
    assert paid == pytest.approx(
        0.1 * told["parts"]["form"] + 0.3 * told["parts"]["moment"] + 0.6 * told["parts"]["place"]
    )
    assert seen == {"text": "", "pictures": ()}
    env.close()


def test_it_is_played_where_a_loop_runs_already_as_in_a_notebook() -> None:
    async def cell() -> tuple[bool, str]:
        env: Any = Game("quickstart", size=(32, 32))
        env.reset(seed=4)
        env.step(LOOK)
        env.reset(seed=5)
        *_, terminated, _, told = env.step(ANSWER)
        env.close()
        return terminated, told["stop"]

    assert asyncio.run(cell()) == (True, "answered")


def test_turns_that_run_out_truncate_and_junk_terminates() -> None:
    env: Any = Game(find_recipe("quickstart", ["env.max_turns=1"]))
    env.reset(seed=0, options={"task": 3})
    assert env.step(LOOK)[2:4] == (False, True)
    _, info = env.reset(options={"task": 3})
    assert info["task"] == "glance/train/3"
    assert env.step("junk")[2:4] == (True, False)
    again = env.step("junk")  # it is over, and stays over
    assert again[2:4] == (True, False)
    env.reset()  # and one that is left in the middle is forgotten
    env.reset()
    env.close()


def test_what_could_not_be_scored_says_so_beside_the_number_that_a_space_must_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMNER_CACHE", str(tmp_path))
    endpoint = '{url: "http://127.0.0.1:9/v1", model: m, retries: 0}'
    judge = f'rewards.judge={{use: judge, prompt: "{{reply}}", endpoint: {endpoint}}}'
    env: Any = Game(find_recipe("quickstart", [judge]))
    env.reset(seed=0)
    _, paid, terminated, truncated, info = env.step(ANSWER)
    assert (paid, terminated, truncated) == (0, False, True)
    assert "refused" in info["error"]
    env.close()


def test_one_of_theirs_as_ours_as_theirs_again() -> None:
    env: Any = Game("grid", size=(64, 64))
    own: Any = gymnasium.make("framework.lab.grid:limner/Grid-v0")
    seen, _ = env.reset(options={"task": 5})
    first, _ = own.reset(seed=5)
    assert np.array_equal(seen["pictures"][0], first)
    total = over = False
    while not over:
        move = own.unwrapped.expert()
        seen, total, over, *_ = env.step(f"<answer>{('left', 'right', 'up', 'down')[move]}</answer>")
        own.step(move)
    assert total > 0.5
    env.close()


def test_a_faulty_row_is_passed_over_where_the_recipe_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    env = Game(find_recipe("quickstart", ["data.train.count=4", "data.faulty=skip"]))
    whole = type(env.source).task

    def task(source: Any, index: int) -> Any:
        if index != 2:
            raise DataError("spoiled")
        return whole(source, index)

    monkeypatch.setattr(type(env.source), "task", task)
    assert {env.reset(seed=seed)[1]["task"] for seed in range(4)} == {"glance/train/2"}
    env.close()
