import json
from pathlib import Path
from typing import Any

import pytest

from framework.config import Fault, typed
from framework.difficulty import rating
from framework.difficulty.levels import Difficulty, mean, of_share
from framework.errors import UserError
from framework.lab.world import task as draw
from framework.reward import Reward
from framework.types import Action, Answer, Broken, Episode, Observation, Stop, Task, Truth, Turn, Video
from rewards.answer import ExactAnswer
from rewards.group import GroupDifficulty

CLIP = Video("clip", length=3, width=64, height=48)


def said(task: str, answer: str) -> Episode:
    turn = Turn(Observation(("?",)), Action(answer, Answer(text=answer)))
    return Episode(
        task=Task(id=task, question="?", video=CLIP, truth=Truth(answer="yes")), turns=(turn,), stop=Stop.ANSWERED
    )


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    path = tmp_path / "ratings.json"
    rating.write(path, {"b": (9, 8, 7, 6, 5), "a": (1, 2, 3, 4, 5), "c": (5, 5, 5, 5, 5.5)})
    return path


def test_difficulty_is_the_mean_of_five_ratings() -> None:
    assert mean((3, 8, 5, 6, 2)) == pytest.approx(4.8)
    assert of_share(0.0) == 1
    assert of_share(1.0) == 10


def test_levels_come_from_the_file_and_what_is_not_in_it_is_medium(ratings: Path) -> None:
    episodes = [said(task, "yes") for task in ("a", "b", "c", "nowhere")]
    assert Difficulty(ratings=str(ratings)).levels(episodes) == ["easy", "hard", "medium", "medium"]
    assert Difficulty().levels(episodes) == ["medium"] * 4
    assert Difficulty(ratings=str(ratings), tau_easy=1, tau_hard=3).levels(episodes) == ["hard"] * 3 + ["medium"]
    assert Difficulty().levels([]) == []


def test_the_file_is_one_line_a_task_and_read_again_when_it_changes(ratings: Path) -> None:
    assert ratings.read_text().splitlines()[1] == '"a": [1, 2, 3, 4, 5],'
    assert json.loads(ratings.read_text())["b"] == [9, 8, 7, 6, 5]
    known = rating.read(ratings)
    rating.write(ratings, {**known, "d é": (1, 1, 1, 1, 1)})
    assert rating.read(ratings) == {**known, "d é": (1, 1, 1, 1, 1)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "no JSON"),
        ("[]", "should be a mapping of tasks to 5 ratings"),
        ('{"a": [1, 2, 3]}', r"a: \[1, 2, 3\] will not do; it should be 5 numbers from 1 to 10"),
        ('{"a": [1, 2, 3, 4, 11]}', "will not do"),
        ('{"a": [1, 2, 3, 4, true]}', "will not do"),
        ('{"a": [1, 2, 3, 4, NaN]}', "will not do"),
        ('{"a": 7}', "a: 7 will not do"),
    ],
)
def test_a_faulty_file_is_named(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "ratings.json"
    path.write_text(text)
    with pytest.raises(UserError, match=f"ratings.json: .*{told}" if told != "no JSON" else told):
        Difficulty(ratings=str(path)).levels([said("a", "yes")])


def test_a_file_that_is_not_there_is_told_with_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file or directory; make it with: limner reward rate RECIPE"):
        Difficulty(ratings=str(tmp_path / "none.json")).levels([said("a", "yes")])


def test_the_more_of_a_group_fail_the_harder_is_its_task() -> None:
    by = Difficulty(by=GroupDifficulty(of=ExactAnswer()))
    groups = {"all": ["yes"] * 4, "half": ["yes", "no"] * 2, "none": ["no"] * 4}
    episodes = [said(task, answer) for task, answers in groups.items() for answer in answers]
    assert by.levels(episodes) == ["easy"] * 4 + ["medium"] * 4 + ["hard"] * 4
    assert by.levels(episodes[::-1]) == by.levels(episodes)[::-1]


class Lost(Reward):
    def __call__(self, episodes: Any) -> list[Broken]:
        return [Broken("gone")] * len(episodes)


def test_where_our_machinery_fails_no_level_is_made_up() -> None:
    assert Difficulty(by=Lost()).levels([said("a", "yes")]) == [Broken("gone")]
    nothing = Task(id="n", question="?", video=CLIP)
    unknown = Episode(task=nothing, turns=(), stop=Stop.TURNS)
    assert Difficulty(by=ExactAnswer()).levels([unknown]) == ["medium"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"tau_easy": 7}, "tau_hard: 7 will not do; it should lie above tau_easy=7"),
        ({"ratings": "r.json", "by": "group_difficulty"}, "by: difficulty comes from ratings or from a reward"),
        ({"rater": "lab", "by": "group_difficulty"}, "by: difficulty comes from ratings or from a reward"),
        ({"rater": "labs"}, "rater: 'labs' will not do; it should be a mapping of keys to values or 'lab'"),
        ({"by": {"use": "group_difficulty", "weight": 2}}, "by.weight: has no meaning for a reward within another"),
        ({"rater": {"url": "http://x/v1"}}, "rater.model: must be given"),
        ({"rater": {"url": "x", "model": "m"}}, "rater.url: 'x' will not do; it should begin with http://"),
    ],
)
def test_settings_that_make_no_sense_are_told(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(Fault) as fault:
        typed(Difficulty, settings)
    assert told in str(fault.value)


def test_the_lab_says_how_hard_its_own_clips_are_without_a_file() -> None:
    names = ("lab:still/train/0", "lab:film/train/0")
    episodes = [Episode(task=draw(name), turns=(), stop=Stop.TURNS) for name in names]
    assert typed(Difficulty, {"rater": "lab"}).levels(episodes) == ["easy", "hard"]
    with pytest.raises(UserError, match="a: rater: lab rates the clips of data that is lab"):
        Difficulty(rater="lab").levels([said("a", "yes")])
