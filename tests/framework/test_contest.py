"""What a player is told who must answer without looking: how, and never what."""

from dataclasses import replace

import pytest

from envs.keyframes import Keyframes
from envs.single_turn import SingleTurn
from envs.zoom import Zooming
from framework.chat.grammar import Grammar
from framework.contest import answer_form
from framework.env import Env, Rules
from framework.lab.world import World
from framework.types import Task, Truth

TASKS = [World(level="glance").task(number) for number in range(8)]


@pytest.mark.parametrize(
    ("rules", "pieces"),
    [
        (Keyframes(), ('<answer>{"start": ', ', "end": ', ', "keyframe": ', ', "bbox_2d": [')),
        (Keyframes(grammar=Grammar(intervals=False)), ('<answer>{"keyframe": ', ', "bbox_2d": [')),
        (Zooming(inner=Keyframes()), ('<answer>{"start": ', ', "end": ', ', "keyframe": ', ', "bbox_2d": [')),
    ],
)
def test_the_form_of_an_answer_is_the_same_for_all_tasks_of_a_game(rules: Rules, pieces: tuple[str, ...]) -> None:
    [form] = {answer_form(rules, task) for task in TASKS}
    assert form.pieces == (*pieces, ", ", ", ", ", ", "]}</answer>")
    assert not form.words


def test_the_words_of_an_answer_are_not_told() -> None:
    task = replace(TASKS[0], truth=Truth(answer="2 of 3, in Paris?"))
    form = answer_form(SingleTurn(), task)
    assert (form.pieces, form.words) == (("<answer>",), True)


def test_a_game_without_an_expert_tells_how_an_answer_begins() -> None:
    class Silent(Rules):
        def make(self, task: Task) -> Env:
            raise NotImplementedError

    form = answer_form(Silent(), TASKS[0])
    assert (form.pieces, form.words) == (("<answer>",), True)
