"""A judge that others serve and a pool of segmenters in one recipe, each of which may be down, late or wrong."""

import asyncio
import itertools
import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework.evaluation.arena import play_all
from framework.evaluation.standings import row
from framework.lab.players import PLAYERS
from framework.recipe import Recipe, find_recipe
from framework.rollout import play
from framework.types import Broken, Episode, RewardBreakdown

RECIPE = """
about: two services
reasoner: lab
data:
  train: {use: lab, level: still}
  eval: {use: lab, level: still, split: eval, count: 12}
env: single_turn
segmenter: {use: "framework.train.segmenter_pool:Pool", of: {use: "my_services:Fickle"}}
rewards:
  place: {use: box_iou, weight: 0.2}
  mask: {use: segmented_iou, weight: 0.4, segmenter: "${segmenter}"}
  judge:
    use: judge
    weight: 0.4
    prompt: "{question} {reply}"
    endpoint: {url: URL, model: m, retries: 1, pause_s: 0.01, timeout_s: 0.2, cache: CACHE}
stages: {eval: {score: judge}}
"""
SERVICES = '''
from dataclasses import replace

from framework.types import Broken, Mask
from framework.vision.colour import ColorFlood
from framework.vision.segmenter import Found


class Fickle(ColorFlood):
    """Answers wrongly, in the way that is said."""

    way: str = "right"

    def found(self, asked):
        right = super().found(asked)
        match self.way:
            case "too few":
                return right[:-1]
            case "another size":
                return [Found(Mask((9,), 3, 3), 1.0) for _ in right]
            case "torn":
                return [Found(Mask((1, 2), each.video.width, each.video.height), 1.0) for each in asked]
            case "no score":
                return [replace(each, score=float("nan")) for each in right]
            case "down":
                return [Broken("connection refused") for _ in right]
            case "some down":
                return [each if place % 3 else Broken("reset") for place, each in enumerate(right)]
        return right
'''
Serve = Callable[[Callable[[Any, dict[str, Any]], Any]], Any]
Make = Callable[..., Recipe]


def says(text: str) -> Callable[[Any, dict[str, Any]], None]:
    return lambda request, _: request.say(text)


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """The recipe, with a judge at an address."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "my_services.py").write_text(SERVICES)
    count = itertools.count()

    def make(url: str, *changes: str) -> Recipe:
        path = tmp_path / "services.yaml"
        path.write_text(RECIPE.replace("URL", url).replace("CACHE", str(tmp_path / f"asked{next(count)}")))
        return find_recipe(str(path), changes)

    yield make
    sys.modules.pop("my_services", None)


def earned(recipe: Recipe, groups: int = 3, each: int = 4) -> tuple[list[Episode], list[RewardBreakdown]]:
    """Groups of episodes as a step has them: some play right, some by lot."""

    async def games() -> list[Episode]:
        tasks = [recipe.data.train.task(index) for index in range(groups)]
        players = [PLAYERS["expert"], *[PLAYERS["random"]] * (each - 1)]
        return [
            await play(task, recipe.env, player(task, recipe.env, seed))
            for task in tasks
            for seed, player in enumerate(players)
        ]

    episodes = asyncio.run(games())
    return episodes, recipe.rubric.score(episodes)


def holds(episodes: list[Episode], rows: list[RewardBreakdown]) -> None:
    """Nothing is a number that should not be: a part that broke has none, and its group is not learned from."""
    broken = {
        episode.task.id
        for episode, each in zip(episodes, rows, strict=True)
        if any(isinstance(failure, Broken) for failure in each.failures.values())
    }
    for episode, each in zip(episodes, rows, strict=True):
        assert all(math.isfinite(value) and 0 <= value <= 1 for value in each.parts.values())
        assert not set(each.parts) & {name for name, why in each.failures.items() if isinstance(why, Broken)}
        assert (each.total is None) == (episode.task.id in broken)


def test_where_both_answer_every_episode_has_a_total(recipe: Make, serve: Serve) -> None:
    with serve(says("Score: 0.5")) as served:
        episodes, rows = earned(recipe(served.url))
    holds(episodes, rows)
    expert = rows[0]
    assert expert.parts["mask"] > 0.3
    assert expert.total == pytest.approx(0.2 * expert.parts["place"] + 0.4 * expert.parts["mask"] + 0.2)


def busy(request: Any, _: dict[str, Any]) -> None:
    request.send_response(503)
    request.send_header("Content-Length", "0")
    request.end_headers()


JUDGES = {
    "down": None,
    "busy": busy,
    "slow": lambda *_: time.sleep(0.5),
    "too high": says("Score: 7"),
    "below": says("Score: -1"),
    "no number": says("Score: NaN"),
    "endless": says("Score: inf"),
    "silent": says(""),
    "undecided": says("2 of 3 agree"),
}


@pytest.mark.parametrize("name", JUDGES)
def test_a_judge_that_fails_is_no_number(name: str, recipe: Make, serve: Serve) -> None:
    way = JUDGES[name]
    if way is None:
        episodes, rows = earned(recipe("http://127.0.0.1:9/v1"), groups=1)
    else:
        with serve(way) as served:
            episodes, rows = earned(recipe(served.url), groups=1)
    holds(episodes, rows)
    assert all(isinstance(each.failures["judge"], Broken) and each.total is None for each in rows)
    assert all({"place", "mask"} <= set(each.parts) for each in rows)


@pytest.mark.parametrize("way", ["too few", "another size", "torn", "no score", "down"])
def test_a_segmenter_that_fails_is_no_number(way: str, recipe: Make, serve: Serve) -> None:
    with serve(says("Score: 1")) as served:
        episodes, rows = earned(recipe(served.url, f"segmenter.of.way={way}"), groups=1)
    holds(episodes, rows)
    assert all(isinstance(each.failures["mask"], Broken) and each.total is None for each in rows)
    assert all(each.parts["judge"] == 1 for each in rows)


def test_one_failure_costs_its_own_group_and_no_other(recipe: Make, serve: Serve) -> None:
    lots = np.random.default_rng(3)
    ways = [says("Score: 0.25"), busy, says("Score: 8"), says("well …")]

    def fickle(request: Any, asked: dict[str, Any]) -> None:
        ways[int(lots.choice(4, p=[0.7, 0.1, 0.1, 0.1]))](request, asked)

    with serve(fickle) as served:
        episodes, rows = earned(recipe(served.url, "segmenter.of.way=some down"), groups=6)
    holds(episodes, rows)
    with serve(fickle) as served:
        episodes, rows = earned(recipe(served.url), groups=12)
    holds(episodes, rows)
    assert 0 < sum(each.total is None for each in rows) < len(rows)


def test_an_evaluation_leaves_out_what_broke_and_says_so(recipe: Make, serve: Serve) -> None:
    asked_for: set[str] = set()

    def half(request: Any, asked: dict[str, Any]) -> None:
        asked_for.add(asked["messages"][0]["content"])
        request.say("Score: 1" if len(asked_for) % 2 else "I would rather not say")

    with serve(half) as served:
        ours = recipe(served.url, "stages.eval.players=[]")
        tasks = [ours.data.eval.task(index) for index in range(12)]
        played = asyncio.run(play_all(tasks, ours.arena, PLAYERS["expert"]))
    found = row(tasks, played)
    assert 0 < found.lost < 1
    assert found.score == 1  # and not 1 - lost
    assert np.isnan(played.scores()).mean() == pytest.approx(found.lost)
