import asyncio
import re
from dataclasses import replace

import pytest

from envs.keyframes import Keyframes
from envs.locate import Locate
from envs.single_turn import SingleTurn
from envs.target import Target, aimed
from envs.zoom import Zooming
from framework.env import Rules, Sight
from framework.lab.players import PLAYERS, mixed
from framework.lab.world import World, drawn
from framework.rollout import play
from framework.types import Answer, Episode, Stop, Task, Truth
from framework.vision.boxes import Interval
from framework.vision.plan import Look
from rewards.box import BoxIoU
from rewards.form import StrictFormat
from rewards.temporal import KeyframeHit

SIGHT = Sight(unit=8, coordinates=32)
QUICKSTART = Keyframes(
    max_turns=2,
    sight=SIGHT,
    overview=Look(frames=6, min_pixels=64, max_pixels=64, grain=1),
    interval=Look(frames=0),
    keyframe=Look(frames=1, min_pixels=1024, max_pixels=1024),
)
GAMES = {
    "quickstart": QUICKSTART,
    "pixels": Keyframes(sight=Sight(unit=8, coordinates="pixels")),
    "single_turn": SingleTurn(sight=SIGHT),
    "zoom": Zooming(max_turns=4, sight=SIGHT),
    "zoom in keyframes": Zooming(max_turns=4, inner=Keyframes(), sight=SIGHT),
}


def tasks(count: int, **settings) -> list[Task]:
    world = World(split="eval", seed=2, count=count, **settings)
    return [world.task(index) for index in range(count)]


def played(name: str, tasks: list[Task], rules: Rules = QUICKSTART, seed: int = 0) -> list[Episode]:
    return [asyncio.run(play(task, rules, PLAYERS[name](task, rules, seed))) for task in tasks]


def score(episodes: list[Episode]) -> float:
    numbers = BoxIoU()(episodes)
    return sum(number for number in numbers if isinstance(number, float)) / len(numbers)


def said(episodes: list[Episode]) -> list[list[str]]:
    return [[turn.said.text for turn in episode.turns] for episode in episodes]


def test_at_the_quickstarts_level_one_who_looks_is_right_and_one_who_does_not_is_not():
    asked = tasks(200)
    expert, hasty = score(played("expert", asked)), score(played("hasty", asked))
    assert expert >= 0.95
    assert hasty <= 0.6 * expert


def test_skill_orders_the_players():
    asked = tasks(100)
    scores = [score(played(name, asked)) for name in ("random", "hasty", "mixed", "expert")]
    assert scores == sorted(scores)


def test_hasty_finds_the_frame_by_its_colour():
    episodes = played("hasty", tasks(100))
    right = [KeyframeHit()([episode])[0] for episode in episodes]
    assert 80 < right.count(1.0) < 100


def test_hasty_finds_the_place_too_where_the_overview_shows_it():
    assert score(played("hasty", tasks(60, level="still"), SingleTurn(sight=SIGHT))) > 0.8


@pytest.mark.parametrize("name", ["hasty", "random"])
def test_those_who_do_not_know_say_the_same_whatever_the_truth_is(name):
    asked = tasks(10)
    ignorant = [replace(task, truth=Truth()) for task in asked]
    assert said(played(name, asked)) == said(played(name, ignorant))


@pytest.mark.parametrize("name", PLAYERS)
@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("level", ["glance", "still"])
def test_every_player_is_understood_in_every_game(name, game, level):
    for episode in played(name, tasks(8, level=level), GAMES[game]):
        assert episode.stop is Stop.ANSWERED, (episode.turns[-1].said, episode.error)


@pytest.mark.parametrize("name", PLAYERS)
def test_the_same_seed_plays_the_same_way(name):
    asked = tasks(10)
    assert said(played(name, asked)) == said(played(name, asked))


@pytest.mark.parametrize("name", ["random", "mixed"])
def test_another_seed_plays_another_way(name):
    asked = tasks(10)
    assert said(played(name, asked, seed=1)) != said(played(name, asked, seed=2))


def test_the_share_of_a_mixed_experts_faults_can_be_set():
    asked = tasks(100)

    def scored(share: float) -> float:
        return score([asyncio.run(play(task, QUICKSTART, mixed(task, QUICKSTART, 0, share))) for task in asked])

    assert scored(0.0) == score(played("expert", asked))
    assert scored(0.3) > scored(0.6) > scored(1.0) > 0.2


@pytest.mark.parametrize(("name", "varies"), [("aloud", True), ("terse", False)])
def test_thoughts_are_true_of_frames_that_are_seen_and_the_last_is_of_the_last(name: str, varies: bool):
    counts: set[int] = set()
    for episode in played(name, tasks(20)):
        truth = episode.task.truth
        thoughts = re.findall(r"Frame (\d+) (?:the [a-z ]+) (appears|leaves)\.", episode.turns[0].said.text)
        counts.add(len(thoughts))
        seen = [picture.frame for picture in episode.turns[0].seen.pictures]
        assert {int(frame) for frame, _ in thoughts} <= set(seen)
        assert StrictFormat()([episode]) == [1.0]
        assert thoughts
        wrong = [frame for frame, said in thoughts if (said == "appears") != (int(frame) in truth.boxes)]
        assert not wrong
        assert int(thoughts[-1][0]) == seen[-1]
        assert varies or len(thoughts) == 1
    assert (len(counts) > 1) == varies


@pytest.mark.parametrize("name", ["generous", "terse_generous"])
def test_who_is_generous_answers_with_all_that_is_seen_and_what_was_asked_for_first(name: str):
    rules, asked = Target(sight=SIGHT), tasks(20, level="search")
    more = 0
    for episode, right in zip(played(name, asked, rules), played("expert", asked, rules), strict=True):
        given, owed = (each.turns[-1].said.parsed for each in (episode, right))
        assert isinstance(given, Answer)
        assert isinstance(owed, Answer)
        assert [item.box for item in given.items[: len(owed.items)]] == [item.box for item in owed.items]
        seen = drawn(episode.task.video.source).scene.who()[aimed(episode.task)]
        assert len(given.items) == len(set(seen.flat) - {0})
        more += len(given.items) > len(owed.items)
    assert more


def test_who_is_roomy_begins_a_frame_early_and_ends_a_frame_late_within_the_clip():
    rules, asked = Locate(sight=SIGHT), tasks(20, level="search")
    cut = 0
    for episode in played("roomy", asked, rules):
        there, last = episode.task.truth.boxes, episode.task.video.length - 1
        given = episode.turns[-1].said.parsed
        assert isinstance(given, Answer)
        assert given.interval == Interval(max(min(there) - 1, 0), min(max(there) + 1, last))
        cut += min(there) == 0 or max(there) == last
    assert cut
