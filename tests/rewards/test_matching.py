import asyncio
import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from envs.single_turn import SingleTurn
from framework.config import typed
from framework.env import Sight
from framework.errors import ConfigError
from framework.policy import Scripted
from framework.rollout import play
from framework.testing import check_reward
from framework.types import Episode, Malformed, NotApplicable, Task, Truth, Video
from framework.vision.boxes import Box, Point
from rewards.box import BoxGIoU, BoxHit, BoxIoU, BoxNear
from rewards.matching import Matched, matched
from rewards.said import UNKNOWN

GOLDEN = Path(__file__).parents[1] / "golden" / "r1_rewards.json"
CASES = [case for case in json.loads(GOLDEN.read_text())["cases"] if case.get("pairs")]
CLIP = Video("clip", length=2, width=840, height=840)
PIXELS = SingleTurn(sight=Sight(unit=28, coordinates=840))
IOU = Matched(of={"iou": BoxIoU()})

A, B, C = ([0, 0, 100, 100], [50, 50]), ([300, 300, 400, 400], [350, 350]), ([600, 0, 700, 100], [650, 50])


def truth(*objects, present=(True, False)) -> Truth:
    space = CLIP.space(0)
    boxes = tuple(Box(x0, y0, x1, y1, space) for (x0, y0, x1, y1), _ in objects)
    points = tuple(Point(x, y, space) for _, (x, y) in objects)
    return Truth(present=present, boxes={0: boxes} if boxes else {}, points={0: points} if points else {})


def said(*objects, of: Truth, keyframe: int = 0) -> Episode:
    items = [{"bbox_2d": corners, "point_2d": point} for corners, point in objects]
    return told(f"<answer>{json.dumps({'keyframe': keyframe, 'objects': items})}</answer>", of)


def told(line: str, of: Truth) -> Episode:
    rules = PIXELS.model_copy(update={"grammar": PIXELS.grammar.model_copy(update={"intervals": False})})
    return asyncio.run(play(Task(id="t", question="?", video=CLIP, truth=of), rules, Scripted(line)))


def moved(thing, right: float):
    (x0, y0, x1, y1), (x, y) = thing
    return [x0 + right, y0, x1 + right, y1], [x + right, y]


def test_every_order_of_a_perfect_answer_earns_the_most() -> None:
    episodes = [said(*order, of=truth(A, B, C)) for order in permutations([A, B, C])]
    assert Matched()(episodes) == [3.0] * 6
    assert IOU(episodes) == [1.0] * 6


def test_what_is_too_much_or_missing_costs_its_share() -> None:
    assert Matched()([said(A, B, of=truth(A)), said(A, of=truth(A, B, C)), said(A, A, of=truth(A))]) == [1.5, 1.0, 1.5]


def test_each_term_has_its_threshold() -> None:
    box, near = BoxHit(), BoxNear()
    ten, twenty, fifty = (said(moved(A, by), of=truth(A)) for by in (20, 19, 50))
    assert Matched()([ten, twenty, fifty]) == [2.0, 3.0, 0.0]  # a mean difference of 10 is not under 10
    assert Matched(of={"box": box})([ten, twenty, fifty]) == [1.0, 1.0, 0.0]
    assert Matched(of={"box": box, "near": near.model_copy(update={"weight": 2.0})})([ten, twenty]) == [1.0, 3.0]


def test_to_say_nothing_is_right_only_where_the_target_is_nowhere() -> None:
    nowhere, elsewhere = truth(present=(False, False)), truth(A)
    assert Matched()([said(of=nowhere), said(A, of=nowhere)]) == [3.0, 0.0]
    assert (
        Matched()([said(of=elsewhere), said(of=elsewhere, keyframe=1), said(A, of=elsewhere, keyframe=1)]) == [0.0] * 3
    )


def test_what_has_no_number_says_why() -> None:
    unmarked = Truth(present=(True, True), boxes=truth(A).boxes)
    assert Matched()([told("?", truth(A)), told("<answer>none</answer>", truth(A)), said(A, of=Truth())]) == [
        Malformed("nothing was answered"),
        Malformed("the answer has no objects"),
        NotApplicable("the task has no true box"),
    ]
    assert Matched()([said(A, of=unmarked)]) == [NotApplicable("the task has no true point")]
    assert IOU([said(A, of=unmarked, keyframe=1)]) == [NotApplicable(UNKNOWN)]


def test_beyond_the_most_objects_are_counted_but_not_looked_at() -> None:
    many = [moved(A, step) for step in range(120, 240)]
    assert Matched()([said(*many, A, of=truth(A))]) == [0.0]
    assert Matched()([said(A, *many, of=truth(A))]) == [pytest.approx(3 / 121)]


def test_few_and_many_objects_may_stand_in_one_batch() -> None:
    many = [moved(A, 120 * step) for step in range(6)]
    episodes = [said(A, of=truth(A, B)), said(*many, of=truth(*many)), told("?", truth(A)), said(*many, of=truth(A))]
    assert Matched()(episodes) == [1.5, 3.0, Malformed("nothing was answered"), 0.5]


def test_a_pair_worth_less_than_nothing_counts_nothing() -> None:
    assert Matched(of={"giou": BoxGIoU()})([said(A, of=truth(C))]) == [0.0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_published_hits_are_matched_to_the_published_accuracy(case) -> None:
    hits = np.sum([np.array(each, float) for each in case["pairs"]["hits"].values()], axis=0)
    size = max(hits.shape)
    table = np.zeros((1, size, size))
    table[0, : hits.shape[0], : hits.shape[1]] = hits
    if case["expected"]["accuracy_parts"] or case["expected"]["accuracy"]:
        assert matched(table)[0] / size == pytest.approx(case["expected"]["accuracy"], abs=1e-5)


@given(st.integers(1, 6).flatmap(lambda size: arrays(float, (3, size, size), elements=st.integers(0, 9).map(float))))
def test_no_assignment_is_better(tables) -> None:
    size = tables.shape[1]
    best = [max(sum(t[row, order[row]] for row in range(size)) for order in permutations(range(size))) for t in tables]
    assert matched(tables) == pytest.approx(best)


place = st.tuples(st.integers(0, 700), st.integers(0, 700), st.integers(1, 140), st.integers(1, 140))
things = st.lists(
    place.map(lambda p: ([p[0], p[1], p[0] + p[2], p[1] + p[3]], [p[0] + p[2] // 2, p[1] + p[3] // 2])), max_size=5
)


@given(things, things.filter(bool), st.randoms())
def test_order_changes_nothing_and_bounds_hold(answered, true, lots) -> None:
    mixed, other = lots.sample(answered, len(answered)), lots.sample(true, len(true))
    episodes = [said(*answered, of=truth(*true)), said(*mixed, of=truth(*other)), said(*true, of=truth(*true))]
    for reward in (Matched(), IOU):
        one, same, perfect = check_reward(reward, episodes, 0, reward.best)
        assert one == pytest.approx(same)
        assert perfect == pytest.approx(reward.best)


def test_thresholds_of_terms_follow_their_schedules() -> None:
    reward = typed(
        Matched, {"of": {"iou": {"use": "box_hit", "over_steps": {"threshold": {"at": {0: 0.1, 100: 0.9}}}}}}
    )
    off = said(moved(A, 20), of=truth(A))
    assert [reward.at(step)([off]) for step in (0, 100)] == [[1.0], [0.0]]


@pytest.mark.parametrize(
    ("of", "said"),
    [
        ({"form": "well_formed"}, "of.form: WellFormed is no reward of pairs"),
        ({"iou": {"use": "box_iou", "weight": -1}}, "of.iou.weight: -1 will not do"),
        ({"iou": {"use": "box_iou", "clamp": [0, 0.5]}}, "of.iou.clamp: has no meaning for a pair"),
        ({}, "of"),
    ],
)
def test_terms_that_will_not_do_are_told(of, said) -> None:
    with pytest.raises(ConfigError, match=said):
        typed(Matched, {"of": of})


def test_a_printed_recipe_reads_back() -> None:
    reward = Matched(of={"iou": BoxHit(threshold=0.7)}, most=5)
    tree = reward.model_dump(mode="json")
    del tree["use"]
    assert typed(Matched, tree) == reward
