import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.config import Fault, typed
from framework.difficulty.levels import Difficulty
from framework.reward import Reward
from framework.rubric import Rubric
from framework.testing import check_reward
from framework.types import Action, Answer, Broken, Episode, NotApplicable, Observation, Stop, Task, Truth, Turn, Video
from rewards.answer import ExactAnswer
from rewards.form import WellFormed
from rewards.group import GroupDifficulty
from rewards.length import CosineLength, LengthReward, Overlong, SoftLength

CLIP = Video("clip", length=3, width=64, height=48)


def said(*thoughts: int | None, text: str = "", answer: str = "yes", task: str = "t", truth: str = "yes") -> Episode:
    turns = [
        Turn(
            Observation(("?",)),
            Action(text, Answer(text=answer), tokens=None if each is None else each + 10, thought=each),
        )
        for each in thoughts
    ]
    asked = Task(id=task, question="?", video=CLIP, truth=Truth(answer=truth))
    return Episode(task=asked, turns=tuple(turns), stop=Stop.ANSWERED)


# ---- lengths ---------------------------------------------------------------------------------------------------------


def test_lengths_are_the_models_own_tokens_over_all_turns() -> None:
    episodes = [said(5, 7), said(0), said()]
    assert SoftLength().lengths(episodes).tolist() == [12, 0, 0]
    assert SoftLength(counts="all").lengths(episodes).tolist() == [32, 10, 0]


def test_where_nobody_counted_three_characters_are_a_token() -> None:
    reply = "<think>seven!!</think><answer>yes</answer>"
    assert SoftLength().lengths([said(None, text=reply)]).tolist() == [math.ceil(7 / 3)]
    assert Overlong().lengths([said(None, text=reply)]).tolist() == [math.ceil(len(reply) / 3)]
    assert Overlong().lengths([said(None, text="a"), said(None, text="")]).tolist() == [1, 0]


# ---- soft length -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("over", "factor"), [(-60, 1), (0, 1), (1, 0.99), (50, 0.5), (100, 0), (101, 0), (5000, 0)])
def test_a_thought_over_its_budget_loses_beta_a_token(over: int, factor: float) -> None:
    assert SoftLength()([said(60 + over)]) == [pytest.approx(factor)]


def test_a_hard_task_may_be_thought_about_for_longer(tmp_path) -> None:
    ratings = tmp_path / "ratings.json"
    ratings.write_text('{"e": [2, 2, 2, 2, 2], "m": [5, 5, 5, 5, 5], "h": [8, 8, 8, 8, 8]}')
    length = SoftLength(difficulty=Difficulty(ratings=str(ratings)))
    episodes = [said(90, task=task) for task in ("e", "m", "h", "?")]
    assert length(episodes) == pytest.approx([0.5, 0.7, 0.9, 0.7])
    assert length.budgets(episodes) == [40, 60, 80, 60]


def test_it_is_a_factor_of_the_whole() -> None:
    rewards: dict[str, Reward] = {"form": WellFormed(weight=2), "right": ExactAnswer(), "length": SoftLength()}
    rubric = Rubric(rewards)
    assert rubric.formula() == "(2·form + 1·right) · length"
    earned = rubric.score([said(60), said(110), said(500), said(110, answer="no")])
    assert [each.total for each in earned] == pytest.approx([3, 1.5, 0, 1])
    assert earned[1].parts["length"] == pytest.approx(0.5)
    assert earned[1].terms == pytest.approx({"form": 1, "right": 0.5})


def test_budgets_may_follow_the_group_and_change_while_training() -> None:
    length = typed(
        SoftLength,
        {
            "difficulty": {"by": {"use": "group_difficulty", "of": "exact_answer"}},
            "over_steps": {"beta": {"at": {0: 0.0, 10: 0.01}}},
        },
    )
    episodes = [said(90, task="a"), said(90, task="a"), said(90, task="b", answer="no")]
    assert length.at(10)(episodes) == pytest.approx([0.5, 0.5, 0.9])
    assert length.at(0)(episodes) == [1, 1, 1]


class Lost(Reward):
    def __call__(self, episodes: Any) -> list[Broken]:
        return [Broken("gone")] * len(episodes)


def test_a_level_that_is_broken_breaks_it_and_its_group_is_dropped() -> None:
    length = SoftLength(difficulty=Difficulty(by=Lost()))
    assert length([said(1)]) == [Broken("gone")]
    [earned] = Rubric({"right": ExactAnswer(), "length": length}).score([said(1)])
    assert earned.total is None


# ---- the others ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tokens", "value"), [(10, 0), (384, 0), (448, -0.5), (512, -1), (9999, -1)])
def test_overlong_falls_from_its_buffer_on(tokens: int, value: float) -> None:
    assert Overlong()([said(tokens - 10)]) == [pytest.approx(value)]


def test_the_papers_own_settings_give_its_own_numbers() -> None:
    dapo = Overlong(longest=20480, buffer=4096)
    assert dapo([said(tokens - 10) for tokens in (16384, 18432, 20480)]) == pytest.approx([0, -0.5, -1])


def test_a_buffer_longer_than_all_of_it_is_told() -> None:
    with pytest.raises(Fault, match="buffer: 600 will not do; it should be at most longest=512"):
        typed(Overlong, {"buffer": 600})


def test_right_answers_lose_by_length_and_wrong_ones_gain() -> None:
    cosine = CosineLength(longest=1010)
    lengths = (0, 495, 999)
    right, wrong = ([said(each, answer=said_) for each in lengths] for said_ in ("yes", "no"))
    assert cosine(right) == pytest.approx([1, 0.75, 0.5], abs=1e-3)
    assert cosine(wrong) == pytest.approx([-1, -0.75, -0.5], abs=1e-3)
    assert cosine([said(1000), said(1000, answer="no"), said(5000)]) == [-1, -1, -1]


def test_what_has_no_true_answer_is_neither_right_nor_wrong() -> None:
    assert isinstance(CosineLength()([said(5, truth="")])[0], NotApplicable)
    assert CosineLength(right=Lost())([said(5)]) == [Broken("gone")]
    assert CosineLength()([said()]) == [-1.0]


@given(lengths=st.lists(st.lists(st.integers(0, 2000), max_size=3), max_size=8), answer=st.sampled_from(["yes", "no"]))
def test_all_keep_to_their_bounds_and_longer_is_never_better(lengths: list[list[int]], answer: str) -> None:
    episodes = [said(*each, answer=answer, task=str(place)) for place, each in enumerate(lengths) if each]
    online = SoftLength(difficulty=Difficulty(by=GroupDifficulty(of=ExactAnswer())))
    bounds: list[tuple[LengthReward, float, float]] = [
        (SoftLength(), 0, 1),
        (online, 0, 1),
        (Overlong(), -1, 0),
        (CosineLength(), -1, 1),
    ]
    for reward, low, high in bounds:
        values = check_reward(reward, episodes, low, high)
        if isinstance(reward, SoftLength | Overlong):
            longest_last = np.argsort(reward.lengths(episodes), kind="stable")
            assert (np.diff(np.array(values, np.float64)[longest_last]) <= 0).all()
