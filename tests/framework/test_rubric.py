from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.advantage import grpo, joined
from framework.config import typed
from framework.errors import ConfigError, RewardError
from framework.reward import Reward, TurnReward
from framework.rubric import Rubric
from framework.schedule import Schedule
from framework.types import (
    Action,
    Answer,
    Broken,
    Episode,
    Failure,
    Malformed,
    NotApplicable,
    Observation,
    RewardBreakdown,
    Stop,
    Task,
    Turn,
    Video,
)

CLIP = Video("clip", 1, 8, 8)


TURN = Turn(Observation(("?",)), Action("!", Answer(text="!")))


def episode(number: int = 0, turns: int = 0) -> Episode:
    return Episode(task=Task(id=f"task {number}", question="?", video=CLIP), turns=(TURN,) * turns, stop=Stop.ANSWERED)


NAMED: dict[str, Failure] = {"malformed": Malformed("m"), "not": NotApplicable("n"), "broken": Broken("b")}


class Gives(Reward):
    values: tuple[float | str, ...] = ()

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        return [NAMED[value] if isinstance(value, str) else value for value in self.values]


class GivesTurns(TurnReward):
    turns: tuple[tuple[float | str, ...], ...] = ()

    def of_turns(self, episodes: Sequence[Episode]) -> list[list[float | Failure]]:
        return [[NAMED[value] if isinstance(value, str) else value for value in turns] for turns in self.turns]


def one(**rewards: Reward) -> RewardBreakdown:
    turns = max((len(each.turns[0]) for each in rewards.values() if isinstance(each, GivesTurns)), default=0)
    return Rubric(rewards).score([episode(turns=turns)])[0]


def test_a_factor_multiplies_the_whole_sum() -> None:
    rubric = Rubric(
        {
            "format": Gives(values=(1.0,)),
            "place": Gives(values=(0.5,), weight=3),
            "length": Gives(values=(0.4,), multiplies=("total",)),
        }
    )
    row = rubric.score([episode()])[0]
    assert row.total == pytest.approx((1 + 1.5) * 0.4)
    assert row.terms == pytest.approx({"format": 0.4, "place": 0.6})
    assert rubric.formula() == "(1·format + 3·place) · length"


def test_a_factor_may_multiply_single_terms() -> None:
    row = one(a=Gives(values=(1.0,)), b=Gives(values=(1.0,)), half=Gives(values=(0.5,), multiplies=("b",)))
    assert row.terms == {"a": 1.0, "b": 0.5}


def test_the_formula_says_all_that_is_done_to_a_factor() -> None:
    half = Gives(values=(3.0,), weight=0.5, clamp=(0, 2), multiplies=("b",))
    rubric = Rubric({"a": Gives(values=(1.0,)), "b": Gives(values=(1.0,), weight=3), "half": half})
    assert rubric.score([episode()])[0].terms == {"a": 1.0, "b": 3.0}
    assert rubric.formula() == "1·a + 3·0.5·clamp(half, 0 … 2)·b"
    growing = half.model_copy(update={"over_steps": {"weight": Schedule(at={0: 0.0, 9: 1.0})}})
    assert Rubric({"b": Gives(), "half": growing}).formula().startswith("1·(0 at step 0 → 1 at step 9)·clamp(")


@pytest.mark.parametrize(("answer", "total"), [(0.4, 0.4), (0.5, 1.7), ("malformed", 0.0), ("not", 0.0)])
def test_a_term_counts_only_if_another_is_good_enough(answer: float | str, total: float) -> None:
    row = one(answer=Gives(values=(answer,)), tool=Gives(values=(1.0,), weight=1.2, only_if={"answer": 0.5}))
    assert row.total == pytest.approx(total)


def test_a_factor_whose_condition_fails_or_that_has_no_number_changes_nothing() -> None:
    unmet = Gives(values=(0.1,), multiplies=("total",), only_if={"a": 2.0})
    blank = Gives(values=("not",), multiplies=("total",))
    assert one(a=Gives(values=(1.0,)), unmet=unmet, blank=blank).total == 1.0


@pytest.mark.parametrize(("number", "counts"), [(0.2, 0.0), (0.65, 0.75), (0.9, 1.5), (1.0, 1.5)])
def test_a_shape_is_lines_between_points(number: float, counts: float) -> None:
    row = one(iou=Gives(values=(number,), shape=((0.4, 0.0), (0.9, 1.5))))
    assert (row.parts["iou"], row.total) == (number, pytest.approx(counts))


@pytest.mark.parametrize(
    ("number", "counts"), [(0.1, -1.0), (0.2, -1.0), (0.21, 0.0), (0.8, 0.5), (0.81, 1.0), (2, 1.0)]
)
def test_a_shape_may_jump_where_the_lower_side_still_counts(number: float, counts: float) -> None:
    points = ((0.2, -1.0), (0.2, 0.0), (0.4, 0.0), (0.8, 0.5), (0.8, 1.0))
    assert one(iou=Gives(values=(number,), shape=points)).total == pytest.approx(counts)


def test_a_clamp_comes_after_the_shape() -> None:
    assert one(a=Gives(values=(3.0,), shape=((0, 0), (4, 4)), clamp=(0, 2))).total == 2.0


def test_settings_change_over_steps() -> None:
    weight = Schedule(at={0: 0.0, 100: 1.0})
    rubric = Rubric({"a": Gives(values=(1.0,), over_steps={"weight": weight})})
    assert [rubric.score([episode()], step)[0].total for step in (0, 50, 100, 500)] == [0.0, 0.5, 1.0, 1.0]
    assert rubric.formula() == "(0 at step 0 → 1 at step 100)·a"


def test_schedules_go_straight_in_waves_or_in_steps() -> None:
    points = {10: 1.0, 20: 3.0}
    assert [Schedule(at=points).value(step) for step in (0, 10, 15, 20, 99)] == [1, 1, 2, 3, 3]
    assert Schedule(at=points, between="cosine").value(15) == pytest.approx(2)
    assert Schedule(at=points, between="cosine").value(11) < Schedule(at=points).value(11)
    assert [Schedule(at=points, between="steps").value(step) for step in (0, 19, 20)] == [1, 1, 3]
    assert Schedule(at={0: 0.5}).value(7) == 0.5


@pytest.mark.parametrize("on", ["zero", "skip", "drop_group", "raise"])
def test_what_a_failure_means_is_the_recipes_choice(on: str) -> None:
    tree = {"values": ["malformed", 1.0, 1.0], "on_malformed": on}
    rubric = Rubric({"a": typed(Gives, tree), "b": Gives(values=(1.0, 1.0, 1.0))})
    episodes = [episode(0), episode(0), episode(1)]
    if on == "raise":
        with pytest.raises(RewardError, match=r"rewards\.a: Malformed: m"):
            rubric.score(episodes)
        return
    totals = [row.total for row in rubric.score(episodes)]
    assert totals == ([None, None, 2.0] if on == "drop_group" else [1.0, 2.0, 2.0])


def test_a_broken_reward_takes_its_group_with_it_and_no_other() -> None:
    rubric = Rubric({"a": Gives(values=("broken", 1.0, 1.0))})
    rows = rubric.score([episode(0), episode(0), episode(1)])
    assert [row.total for row in rows] == [None, None, 1.0]
    assert [row.parts for row in rows] == [{}, {"a": 1.0}, {"a": 1.0}]
    rows = rubric.score([episode(0), episode(0), episode(0)], groups=["x", "y", "y"])
    assert [row.total for row in rows] == [None, 1.0, 1.0]


@pytest.mark.parametrize(
    ("over", "value"), [("last", 0.25), ("first", 0.5), ("mean", 0.5), ("sum", 1.5), ("most", 0.75)]
)
def test_turns_make_one_number(over: str, value: float) -> None:
    assert one(a=typed(GivesTurns, {"turns": [[0.5, 0.75, 0.25]], "over_turns": over})).parts["a"] == pytest.approx(
        value
    )


def test_a_turn_without_a_number_is_passed_over_but_not_when_it_is_the_one_that_counts() -> None:
    assert one(a=GivesTurns(turns=(("malformed", 0.5),), over_turns="mean")).parts == {"a": 0.5}
    assert one(a=GivesTurns(turns=((0.5, "not"),))).failures == {"a": NotApplicable("n")}
    assert one(a=GivesTurns(turns=((0.5, "broken"),), over_turns="first")).total is None


def test_a_failure_that_counts_zero_is_shaped_as_zero_is() -> None:
    shape = ((0.0, -1.0), (1.0, 1.0))
    row = one(a=Gives(values=("malformed",), shape=shape), b=GivesTurns(turns=(("malformed",),), shape=shape))
    assert (row.parts, row.terms) == ({"a": 0, "b": 0}, {"a": -1, "b": -1})


def test_what_is_paid_turn_by_turn_adds_up_to_the_term() -> None:
    turns = GivesTurns(turns=((0.2, 0.6),), over_turns="mean", paid="turn", weight=2, shape=((0, 0), (0.4, 0.4)))
    row = one(a=turns, f=Gives(values=(0.5,), multiplies=("total",)))
    assert row.parts["a"] == pytest.approx(0.4)
    assert row.turns == {"a": pytest.approx((0.1, 0.2))}
    assert sum(row.turns["a"]) == pytest.approx(row.terms["a"]) == pytest.approx(row.total)


def test_turns_that_make_up_for_one_another_are_still_paid() -> None:
    row = one(a=GivesTurns(turns=((0.5, -0.5),), over_turns="sum", paid="turn"))
    assert (row.terms["a"], row.turns) == (0.0, {"a": (0.5, -0.5)})


numbers = st.floats(-2, 2, allow_subnormal=False)


@given(st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=12))
def test_the_total_is_the_sum_of_the_terms(rows: list[tuple[float, float, float]]) -> None:
    a, b, c = zip(*rows, strict=True)
    rubric = Rubric(
        {
            "a": Gives(values=a, weight=0.3, clamp=(-1, 1)),
            "b": Gives(values=b, only_if={"a": 0}),
            "c": Gives(values=c, multiplies=("total",)),
        }
    )
    for row in rubric.score([episode(i) for i in range(len(rows))]):
        assert row.total == pytest.approx(sum(row.terms.values()))


def test_gdpo_gives_each_term_its_say() -> None:
    """(0, 1) and (0, 2) of two rewards earn the same by the sum's order alone; by term they differ."""
    rubric = Rubric({"a": Gives(values=(0, 0, 1, 1), weight=1), "b": Gives(values=(0, 10, 0, 10), weight=1)})
    earned, groups = rubric.score([episode() for _ in range(4)]), ["g"] * 4
    by_total = grpo(joined("grpo", earned, rubric.weights(), groups), groups)
    by_term = joined("gdpo", earned, rubric.weights(), groups)
    assert by_total[2] < by_total[1] / 2  # b drowns a
    assert by_term[1] == pytest.approx(by_term[2], abs=1e-4)
    assert by_term[3] == pytest.approx(-by_term[0]) == pytest.approx(2 * np.sqrt(3) / 2, abs=1e-4)


def test_gdpo_learns_nothing_from_a_dropped_group() -> None:
    rubric = Rubric({"a": Gives(values=("broken", 1.0, 0.0, 1.0))})
    earned = rubric.score([episode(i // 2) for i in range(4)])
    assert np.isnan(joined("gdpo", earned, rubric.weights(), ["x", "x", "y", "y"])).tolist() == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("rewards", "said"),
    [
        ({"a": Gives(only_if={"b": 1})}, "rewards.a.only_if: no other reward 'b'; there are: none"),
        (
            {"a": Gives(), "b": Gives(multiplies=("totl",))},
            "rewards.b.multiplies: no other reward 'totl'; did you mean 'total'",
        ),
        ({"a": Gives(multiplies=("a",))}, "rewards.a.multiplies: no other reward 'a'"),
        (
            {"a": Gives(multiplies=("b",)), "b": Gives(multiplies=("total",))},
            "rewards.a.multiplies: 'b' is a factor itself; name the terms it multiplies",
        ),
        ({"total": Gives()}, "rewards.total: is the name of the sum"),
    ],
)
def test_rewards_that_name_one_another_wrongly_are_told(rewards: dict[str, Reward], said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace(".", r"\.")):
        Rubric(rewards)


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"shape": [[0.5, 1]]}, "shape: .* needs two or more points of rising number"),
        ({"shape": [[1, 0], [0, 1]]}, "shape: .* needs two or more points"),
        ({"shape": [[1, 0], [1, 1], [1, 2]]}, "shape: .*the same twice is a jump"),
        ({"clamp": [1, 0]}, "clamp: .* the lower bound comes first"),
        ({"over_steps": {"wieght": {"at": {0: 1}}}}, "over_steps.wieght: cannot change over steps; these can: weight"),
        ({"over_steps": {"weight": {"at": {}}}}, "over_steps.weight.at: .* longer list"),
    ],
)
def test_settings_of_a_reward_that_cannot_be_are_told(tree: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        typed(Gives, tree)
