"""Three papers as recipes of parts that were there: DeepEyes, TimeLens, VisionReasoner."""

import ast
import asyncio
import re
from functools import cache
from pathlib import Path

import pytest

from framework.cli import main
from framework.lab.players import PLAYERS
from framework.lab.scene import COLOURS
from framework.lab.world import drawn
from framework.policy import Scripted
from framework.proof.certify import certify
from framework.recipe import Recipe, find_recipe
from framework.rollout import play
from framework.types import Answer, Episode, Stop, Zoom
from framework.vision.boxes import Interval

ROOT = Path(__file__).parents[2]
SEEN = {
    "deepeyes": "lab_sides",
    "timelens": "{use: lab, level: search}",
    "vision_reasoner": "{use: lab, level: still}",
}
"""What each is played on here."""
PAPERS = tuple(SEEN)


@cache
def mini(name: str) -> Recipe:
    return find_recipe(f"{name}/mini", ["reasoner.grounding=0"])


@cache
def real(name: str) -> Recipe:
    """The variant for a cluster, on tasks of the lab."""
    lab = ["reasoner={use: lab, path: '', grounding: 0}", "data.root=none", "data.train=null"]
    return find_recipe(f"{name}/rl", [*lab, f"data.train={SEEN[name]}"])


def played(recipe: Recipe, player: str = "expert", index: int = 0) -> Episode:
    task = recipe.data.train.task(index)
    return asyncio.run(play(task, recipe.env, PLAYERS[player](task, recipe.env, 0)))


def total(recipe: Recipe, episode: Episode) -> float:
    [earned] = recipe.rubric.score([episode])
    assert earned.total is not None
    return earned.total


# ---- all three -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "player", "most"),
    [("deepeyes", "expert", 2.2), ("timelens", "expert", 1.0), ("vision_reasoner", "aloud", 3.4)],
)
def test_who_knows_earns_all_there_is(name: str, player: str, most: float):
    episodes = [played(mini(name), player, index) for index in range(16)]
    assert {episode.stop for episode in episodes} == {Stop.ANSWERED}
    assert [total(mini(name), episode) for episode in episodes] == pytest.approx([most] * 16)


@pytest.mark.parametrize("variant", [mini, real])
@pytest.mark.parametrize("name", PAPERS)
def test_its_rewards_cannot_be_fooled(name: str, variant):  # pyright: ignore
    recipe: Recipe = variant(name)
    found = certify(recipe, [recipe.data.train.task(index) for index in range(4)])
    assert [f"{each.name}: {each.part} {each.said}" for each in found.failures] == []


@pytest.mark.parametrize("name", PAPERS)
def test_a_step_of_it_is_played_dry(name: str, capsys: pytest.CaptureFixture[str]):
    assert main(["dry", f"{name}/mini", "-n", "16", "reasoner.grounding=0"]) == 0
    assert "16 answered" in capsys.readouterr().out


@pytest.mark.parametrize("name", PAPERS)
def test_it_is_short(name: str):
    for path in (ROOT / "recipes" / name).glob("*.yaml"):
        assert len(path.read_text().splitlines()) <= 60


@pytest.mark.parametrize("name", PAPERS)
def test_its_readme_names_code_and_tests_that_are_there(name: str):
    readme = (ROOT / "recipes" / name / "README.md").read_text()
    named = re.findall(r"`([\w/]+\.py)`((?:,? `\w+`)+)", readme)
    assert len(named) >= 3
    for path, names in named:
        assert set(re.findall(r"`(\w+)`", names)) <= defined(path), path


@cache
def defined(path: str) -> set[str]:
    """The functions and classes of a file."""
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}


# ---- DeepEyes --------------------------------------------------------------------------------------------------------


def test_looking_is_paid_only_where_the_answer_is_right():
    recipe = mini("deepeyes")
    task = recipe.data.train.task(3)
    look, right = '<zoom>{"frame": 0, "bbox_2d": [0, 0, 16, 16]}</zoom>', f"<answer>{task.truth.answer}</answer>"
    earned = [
        total(recipe, asyncio.run(play(task, recipe.env, Scripted(*lines))))
        for lines in ([look, right], [right], [look, "<answer>none</answer>"], ["<answer>none</answer>"], [look, look])
    ]
    assert earned == pytest.approx([2.2, 1.0, 0.2, 0.2, 0.2])


def test_the_eager_answer_without_a_look():
    episode = played(mini("deepeyes"), "eager")
    assert len(episode.turns) == 1
    assert total(mini("deepeyes"), episode) == pytest.approx(1.0)


def test_the_first_picture_does_not_show_what_is_where_and_the_crop_does():
    first, crop = (turn.seen.pictures[0] for turn in played(mini("deepeyes")).turns)
    assert (first.grain, crop.grain) == (1, None)
    assert crop.crop is not None


def test_the_answer_is_the_colour_of_the_thing_on_that_side():
    tasks = [mini("deepeyes").data.train.task(index) for index in range(40)]
    assert {task.truth.answer.strip() for task in tasks} == set(COLOURS)
    assert {task.video.length for task in tasks} == {1}
    assert all(re.fullmatch(r"Find the (left|right) shape\.", task.question) for task in tasks)


def test_there_is_a_thing_in_each_half_and_one_of_them_is_asked_for():
    for index in range(20):
        task = mini("deepeyes").data.train.task(index)
        clip = drawn(task.video.source)
        middle, asked = clip.scene.size / 2, clip.question.target
        shares = [(middle - thing.path[0][0] + thing.radius) / (2 * thing.radius) for thing in clip.scene.things]
        assert min(shares) <= 1 / 4 < 3 / 4 <= max(shares)
        assert task.truth.kind == ("left" if shares[asked] > 1 / 2 else "right")


def test_who_looks_coarsely_is_right_all_the_same():
    episode = played(mini("deepeyes"), "coarse")
    zoom = episode.turns[0].said.parsed
    assert isinstance(zoom, Zoom)
    assert zoom.box.area == pytest.approx(zoom.box.space.whole().area / 2)
    assert total(mini("deepeyes"), episode) == pytest.approx(2.2)


# ---- TimeLens --------------------------------------------------------------------------------------------------------


def test_an_interval_earns_its_overlap():
    recipe = mini("timelens")
    task = next(task for task in map(recipe.data.train.task, range(99)) if task.truth.present[1:-1].count(True) > 1)
    true = task.truth.interval
    assert true

    def earned(start: float, end: float) -> float:
        words = recipe.env.grammar.write(Answer(interval=Interval(start, end)), lambda _: None)
        return total(recipe, asyncio.run(play(task, recipe.env, Scripted(words))))

    last, length = task.video.length - 1, true.length
    assert earned(true.start, true.end) == pytest.approx(1.0)
    assert earned(true.start, true.end - 1) == pytest.approx(0.1 + 0.9 * (length - 1) / length)
    assert earned(0, last) == pytest.approx(0.1 + 0.9 * length / (last + 1))
    assert earned(*((0, 0) if true.start else (last, last))) == pytest.approx(0.1)


def test_what_one_earns_without_looking_is_far_from_all():
    tasks = [mini("timelens").data.eval.task(index) for index in range(300)]
    true = [task.truth.interval for task in tasks if task.truth.interval]
    length = tasks[0].video.length

    def mean(first: int, last: int) -> float:
        both = [max(min(last, each.end) - max(first, each.start) + 1, 0) for each in true]
        return sum(b / (last - first + 1 + each.length - b) for b, each in zip(both, true, strict=True)) / len(true)

    assert max(mean(first, last) for first in range(length) for last in range(first, length)) < 0.4


# ---- VisionReasoner --------------------------------------------------------------------------------------------------


def test_the_published_weights_are_those_of_the_recipe_of_real_size():
    assert real("vision_reasoner").rubric.formula() == "1·thinks + 2·says + 1·objects + 1·fresh"
    assert total(real("vision_reasoner"), played(real("vision_reasoner"), "aloud")) == pytest.approx(7.0)


def test_no_point_beside_the_object_is_asked_for():
    answer = played(mini("vision_reasoner")).answer
    assert answer
    assert [item.negatives for item in answer.items] == [()]
