"""Gymnasium's envs as games of ours."""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.error import DependencyNotInstalled
from gymnasium.utils.env_checker import check_env as gymnasiums_own_check

from envs.gymnasium import Gymnasium
from framework.config import typed
from framework.data.gymnasium import Gymnasium as Worlds
from framework.env import Sight, expert_of
from framework.errors import ConfigError, DataError, NoExpert
from framework.gymnasium_world import World
from framework.policy import Policy, Scripted
from framework.record import Record, from_json, read, to_json
from framework.rollout import play
from framework.testing import check_env
from framework.types import Episode, Malformed, Stop, Task
from framework.vision.frames import pixels
from framework.vision.plan import Look

GRID = "framework.lab.grid:limner/Grid-v0"
MOVES = ("left", "right", "up", "down")
RULES = Gymnasium(actions=MOVES, max_turns=8, look=Look(min_pixels=4096, max_pixels=4096), sight=Sight(unit=8))
WORLDS = Worlds(id=GRID, question="Find the red circle.", count=50, seed=3)


def played(task: Task, *moves: str, rules: Gymnasium = RULES) -> Episode:
    return asyncio.run(play(task, rules, Scripted(*(f"<answer>{move}</answer>" for move in moves))))


def test_the_grid_is_what_gymnasium_asks_of_an_env() -> None:
    gymnasiums_own_check(gymnasium.make(GRID).unwrapped)


def test_it_keeps_the_contract_of_every_env() -> None:
    for index in range(4):
        episode = check_env(RULES, WORLDS.task(index))
        assert episode.turns[-1].paid == 1


def test_every_world_is_solved_by_its_expert_within_the_turns() -> None:
    for index in range(50):
        task = WORLDS.task(index)
        episode = asyncio.run(play(task, RULES, RULES.expert(task)))
        assert episode.stop is Stop.ANSWERED
        *before, last = (turn.paid for turn in episode.turns)
        assert (before, last) == ([-0.05] * len(before), 1)


def test_what_is_seen_is_what_the_env_shows() -> None:
    task = WORLDS.task(0)
    env = gymnasium.make(GRID)
    first, _ = env.reset(seed=json.loads(task.truth.world)["seed"])
    second, *_ = env.step(np.int64(3))
    episode = played(task, "down", "up")
    shown = [turn.seen.pictures[0] for turn in episode.turns[:2]]
    assert [np.array_equal(pixels(s), o) for s, o in zip(shown, (first, second), strict=True)] == [True, True]
    assert np.array_equal(pixels(shown[0]), pixels(RULES.look.picture(task.video, 0, shown[0].role, 8)))
    assert [turn.seen.text for turn in episode.turns[:2]] == [
        "Find the red circle.\nStep 0: <image>\n",
        "Step 1: <image>\n",
    ]


def test_a_reply_that_names_no_action_is_malformed_and_paid_nothing() -> None:
    episode = played(WORLDS.task(0), "jump")
    assert episode.stop is Stop.MALFORMED
    assert episode.turns[0].said.parsed == Malformed("no action 'jump'; say one of left, right, up, down")
    assert episode.turns[0].paid is None
    patient = RULES.model_copy(update={"on_malformed": "ask_again"})
    again = played(WORLDS.task(0), "jump", " DOWN ", rules=patient)
    assert "say one of left" in again.turns[1].seen.text
    assert (again.turns[0].paid, again.turns[1].paid is None) == (None, False)


def test_turns_end_where_the_rules_say() -> None:
    short = RULES.model_copy(update={"max_turns": 2})
    around = next(
        e for index in range(50) if (e := played(WORLDS.task(index), "up", "up", rules=short)).stop is Stop.TURNS
    )
    assert [turn.paid for turn in around.turns] == [-0.05, -0.05]


def test_an_episode_travels_with_its_pictures(tmp_path: Path) -> None:
    episode = played(WORLDS.task(1), "left", "up", "right")
    assert from_json(json.loads(json.dumps(to_json(episode)))) == episode
    entry = Record(tmp_path).add(episode)
    assert read(tmp_path).entries == (entry,)
    assert len(entry.pictures) == len(episode.turns)


happened: list[tuple[str, int]] = []
"""To the odd ones, and in which thread."""


class Odd(gymnasium.Env[Any, Any]):
    """Shows what it is told to, takes what it is told to, and is as slow as it is told to be."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 4}  # noqa: RUF012

    def __init__(
        self, shows: str = "states", takes: str = "two", slow_s: float = 0.0, render_mode: str | None = None
    ) -> None:
        self.shows, self.slow_s, self.render_mode = shows, slow_s, render_mode
        wide = spaces.Box(0, 255, (4, 6) if shows == "grey" else (4, 6, 3), np.uint8)
        self.observation_space = wide if shows in ("grey", "colours") else spaces.Discrete(9)
        self.action_space = spaces.Discrete(2, start=5) if takes == "two" else spaces.Box(-1, 1, (1,))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        happened.append(("reset", threading.get_ident()))
        return self.seen(), {}

    def close(self) -> None:
        happened.append(("close", threading.get_ident()))

    def step(self, action: Any) -> Any:
        happened.append(("step", threading.get_ident()))
        time.sleep(self.slow_s)
        happened.append(("stepped", threading.get_ident()))
        return self.seen(), float(action), True, False, {}

    def seen(self) -> Any:
        shape = self.observation_space.shape
        return np.full(shape, 7, np.uint8) if shape else 0

    def render(self) -> Any:
        assert self.render_mode == "rgb_array"
        if self.shows == "with a brush":
            raise DependencyNotInstalled("brush is not installed")
        return None if self.shows == "nothing" else np.full((8, 8, 3), 9, np.uint8)


gymnasium.register("Odd-v0", entry_point=lambda **told: Odd(**told))


def odd(**arguments: Any) -> Task:
    return Worlds(id="Odd-v0", arguments=arguments, question="?", count=1).task(0)


@pytest.mark.parametrize(
    ("shows", "size", "value"), [("states", (8, 8), 9), ("grey", (6, 4), 7), ("colours", (6, 4), 7)]
)
def test_an_env_without_pictures_is_seen_as_it_is_rendered(shows: str, size: tuple[int, int], value: int) -> None:
    video = odd(shows=shows).video
    assert (video.width, video.height) == size
    picture = RULES.look.picture(video, 0, RULES.make(odd()).shown(video).role, 2)
    assert pixels(picture).mean() == value


def test_actions_are_counted_from_where_the_env_counts_them() -> None:
    episode = played(odd(), "b", rules=Gymnasium(actions=("a", "b")))
    assert (episode.stop, episode.turns[0].paid) == (Stop.ANSWERED, 6)


def test_an_env_that_does_not_fit_ends_the_episode_and_says_why() -> None:
    assert "Odd-v0: has 2 actions, env.actions names 4" in played(odd(), "left").error
    continuous = played(odd(takes="any"), "left")
    assert continuous.stop is Stop.ERROR
    assert "only discrete ones can be said by name" in continuous.error
    slow = played(odd(slow_s=1.5), "a", rules=Gymnasium(actions=("a", "b"), deadline_s=1))
    assert "Gymnasium.step took longer than 1 s" in slow.error


def test_games_that_wait_for_others_to_step_lose_no_time_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("framework.worker.AT_ONCE", 5)
    task, rules = odd(slow_s=0.15), Gymnasium(actions=("a", "b"), deadline_s=0.6)

    async def all_of_them() -> list[Episode]:
        return await asyncio.gather(*(play(task, rules, Scripted("<answer>a</answer>")) for _ in range(30)))

    assert {episode.stop for episode in asyncio.run(all_of_them())} == {Stop.ANSWERED}


def test_an_env_that_hangs_is_closed_by_its_own_thread_and_nobody_waits_for_it() -> None:
    task = odd(shows="colours", slow_s=1.0)
    happened.clear()
    began = time.monotonic()
    assert played(task, "a", rules=Gymnasium(actions=("a", "b"), deadline_s=0.2)).stop is Stop.ERROR
    assert time.monotonic() - began < 0.8
    while len(happened) < 4 and time.monotonic() - began < 5:
        time.sleep(0.05)
    assert [what for what, _ in happened] == ["reset", "step", "stepped", "close"]
    assert len({thread for _, thread in happened} - {threading.get_ident()}) == 1


def test_an_env_without_an_expert_says_so() -> None:
    rules = Gymnasium(actions=("a", "b"))
    task = odd(shows="colours")
    happened.clear()
    assert expert_of(rules, task) is None
    assert [what for what, _ in happened] == ["close"]
    with pytest.raises(NoExpert, match="Odd-v0 has no expert"):
        rules.expert(odd())


@pytest.mark.parametrize(
    ("task", "why"),
    [
        (lambda: Worlds(id="Ghost-v0", question="?").task(0), "Ghost-v0: Environment `Ghost` doesn't exist"),
        (lambda: Worlds(id="no_such:Ghost-v0", question="?").task(0), "no_such:Ghost-v0: No module named 'no_such'"),
        (lambda: odd(colour="red"), "Odd-v0: .*unexpected keyword argument 'colour'"),
        (lambda: odd(shows="nothing"), "Odd-v0: its picture is object of shape ()"),
        (lambda: odd(shows="with a brush"), "Odd-v0: draws with a package that is not installed: brush is not"),
        (lambda: WORLDS.task(50), "there is no world 50 among 50; raise count"),
    ],
)
def test_what_cannot_be_opened_is_told_with_its_name(task: Callable[[], Task], why: str) -> None:
    with pytest.raises(DataError, match=why.replace("()", r"\(\)")):
        task()


@pytest.mark.parametrize("actions", [[], ["a", "A "], ["a", ""]])
def test_actions_that_cannot_be_told_apart_are_refused(actions: list[str]) -> None:
    with pytest.raises(ConfigError):
        typed(Gymnasium, {"actions": actions})


def test_a_world_that_nobody_holds_any_more_is_closed() -> None:
    world = World(odd(shows="colours").truth.world)
    happened.clear()
    del world
    assert [what for what, _ in happened] == ["close"]


def test_a_policy_may_be_anyone() -> None:
    policy: Policy = RULES.expert(WORLDS.task(2))
    assert asyncio.run(play(WORLDS.task(2), RULES, policy)).stop is Stop.ANSWERED
