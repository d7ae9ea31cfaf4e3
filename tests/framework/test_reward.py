from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.advantage import ADVANTAGES, dr_grpo, grpo, rloo, zero_groups
from framework.errors import RewardError, UserError
from framework.reward import Reward, TurnReward
from framework.rubric import Rubric
from framework.types import Broken, Episode, Failure, Malformed, NotApplicable, Stop, Task, Video

TASK = Task(id="t", question="?", video=Video("clip", 1, 8, 8))
FINE = Episode(task=TASK, turns=(), stop=Stop.ANSWERED)
LOST = Episode(task=TASK, turns=(), stop=Stop.ERROR, error="the env hung")


KINDS: dict[str, float | Failure] = {
    "malformed": Malformed("m"),
    "not": NotApplicable("n"),
    "broken": Broken("b"),
    "nan": float("nan"),
    "inf": float("inf"),
}


class Gives(Reward):
    values: tuple[float | str, ...] = ()

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        return [KINDS[value] if isinstance(value, str) else value for value in self.values]


def test_the_total_is_the_weighted_sum_of_the_parts() -> None:
    rubric = Rubric({"form": Gives(values=(1.0, 0.0), weight=0.1), "iou": Gives(values=(0.5, 1.0), weight=2)})
    assert [row.total for row in rubric.score([FINE, FINE])] == pytest.approx([1.1, 2.0])
    assert rubric.formula() == "0.1·form + 2·iou"


def test_a_reply_that_cannot_be_read_counts_nothing_or_is_left_out() -> None:
    zero = Rubric({"a": Gives(values=("malformed",)), "b": Gives(values=(1.0,))}).score([FINE])[0]
    assert (zero.parts, zero.total) == ({"a": 0.0, "b": 1.0}, 1.0)
    skip = Rubric({"a": Gives(values=("malformed",), on_malformed="skip"), "b": Gives(values=(1.0,))}).score([FINE])[0]
    assert (skip.parts, skip.failures) == ({"b": 1.0}, {"a": Malformed("m")})


def test_what_does_not_apply_is_left_out() -> None:
    row = Rubric({"a": Gives(values=("not",)), "b": Gives(values=(1.0,))}).score([FINE])[0]
    assert (row.parts, row.total) == ({"b": 1.0}, 1.0)


@pytest.mark.parametrize("value", ["broken", "nan", "inf"])
def test_our_own_failure_never_becomes_a_number(value: str) -> None:
    row = Rubric({"a": Gives(values=(value,)), "b": Gives(values=(1.0,))}).score([FINE])[0]
    assert row.total is None
    assert "a" in row.failures


def test_a_lost_episode_shifts_nobody_elses_reward() -> None:
    rows = Rubric({"a": Gives(values=(1.0, 2.0))}).score([FINE, LOST, FINE])
    assert [row.total for row in rows] == [1.0, None, 2.0]
    assert rows[1].failures == {"episode": Broken("the env hung")}


def test_a_reward_that_miscounts_is_told() -> None:
    with pytest.raises(UserError, match="reward 'a' gave 1 values for 2 episodes"):
        Rubric({"a": Gives(values=(1.0,))}).score([FINE, FINE])


class Says(Reward):
    said: object = None

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        return cast(list[float | Failure], self.said)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (None, "gave None for 1 episodes; give a list, with a number for each"),
        (1.0, "gave 1.0 for 1 episodes; give a list"),
        ({0: 1.0}, r"gave \{0: 1.0\} for 1 episodes; give a list"),
        ([None], "gave None where a number belongs; give a number, or why there is none: Malformed"),
        ([[1.0]], r"gave \[1.0\] where a number belongs"),
        (["1.0"], "gave '1.0' where a number belongs"),
    ],
)
def test_what_is_no_number_is_told(said: object, told: str) -> None:
    with pytest.raises(UserError, match=f"reward 'a' {told}"):
        Rubric({"a": Says(said=said)}).score([FINE])


class OneTurn(TurnReward):
    def of_turns(self, episodes: Sequence[Episode]) -> list[list[float | Failure]]:
        return [[1.0] for _ in episodes]


def test_a_reward_that_miscounts_turns_is_told() -> None:
    with pytest.raises(UserError, match="reward 'a' gave 1 values for 0 turns"):
        Rubric({"a": OneTurn()}).score([FINE])


class Raises(Reward):
    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        return [cast(Any, episodes[0]).nope]


def test_what_a_reward_raises_ends_the_run_with_its_place() -> None:
    with pytest.raises(
        RewardError, match=r"^rewards\.a: .*test_reward\.py:\d+: AttributeError: .*'nope'; mend the reward$"
    ):
        Rubric({"a": Raises()}).score([FINE])


def test_a_group_that_agrees_teaches_nothing() -> None:
    rewards, groups = np.array([0.2, 0.8, 0.5, 0.5]), ["a", "a", "b", "b"]
    assert grpo(rewards, groups) == pytest.approx([-0.7071, 0.7071, 0, 0], abs=1e-3)
    assert dr_grpo(rewards, groups) == pytest.approx([-0.3, 0.3, 0, 0])
    assert rloo(rewards, groups) == pytest.approx([-0.6, 0.6, 0, 0])
    assert zero_groups(rewards, groups) == 0.5


def test_an_episode_without_a_reward_moves_nothing() -> None:
    rewards, groups = np.array([0.2, 0.8, np.nan, 0.5]), ["a", "a", "a", "b"]
    for estimate in (grpo, dr_grpo, rloo):
        found = estimate(rewards, groups)
        assert found[2] == 0.0
        assert found[:2] == pytest.approx(estimate(rewards[:2], ["a", "a"]))


values = st.lists(st.tuples(st.floats(-5, 5), st.sampled_from("abc")), min_size=1, max_size=24)


@given(values, st.randoms(use_true_random=False))
def test_the_order_of_episodes_does_not_matter(pairs: list[tuple[float, str]], shuffled: object) -> None:
    order = list(range(len(pairs)))
    shuffled.shuffle(order)  # type: ignore[attr-defined]
    rewards, groups = np.array([reward for reward, _ in pairs]), [group for _, group in pairs]
    for estimate in ADVANTAGES.values():
        straight = estimate(rewards, groups)
        mixed = estimate(rewards[order], [groups[i] for i in order])
        assert mixed == pytest.approx(straight[order], abs=1e-6)
        for group in set(groups) if estimate is not ADVANTAGES["gdpo"] else ():
            assert sum(straight[[g == group for g in groups]]) == pytest.approx(0, abs=1e-6)
