import asyncio
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.keyframes import Keyframes
from framework.policy import Scripted
from framework.rollout import play
from framework.testing import check_reward
from framework.types import Episode, Malformed, NotApplicable, Task, Truth, Video
from framework.vision.boxes import Box
from rewards.box import BoxGIoU, BoxHit, BoxIoU, BoxL1, BoxNear, giou, iou, mean_difference
from rewards.said import UNKNOWN

GOLDEN = Path(__file__).parents[1] / "golden" / "r1_rewards.json"
CASES = [case for case in json.loads(GOLDEN.read_text())["cases"] if case.get("pairs")]
CLIP = Video("clip", length=10, width=100, height=100)
TRUTH = Truth(
    present=tuple(3 <= frame <= 6 for frame in range(10)),
    boxes={frame: (Box(0, 0, 50, 50, CLIP.space(frame)), Box(60, 60, 90, 90, CLIP.space(frame))) for frame in (3, 4)},
)
REWARDS = (BoxIoU(), BoxGIoU(), BoxL1(), BoxHit(), BoxNear())

side = st.integers(0, 40).map(float)
boxes = st.tuples(side, side, side, side).map(
    lambda b: np.array([min(b[0], b[2]), min(b[1], b[3]), *map(max, b, b[2:])])
)


def said(*corners: tuple[float, ...], keyframe: int = 4, truth: Truth = TRUTH) -> Episode:
    """An answer with these boxes, said in thousandths of the frame."""
    objects = [{"bbox_2d": list(box)} for box in corners]
    return told(
        f"<answer>{json.dumps({'start': 0, 'end': 9, 'keyframe': keyframe, 'objects': objects})}</answer>", truth
    )


def told(line: str, truth: Truth = TRUTH) -> Episode:
    return asyncio.run(play(Task(id="t", question="?", video=CLIP, truth=truth), Keyframes(), Scripted(line)))


RIGHT, HALF, SECOND, FAR = (0, 0, 500, 500), (0, 0, 500, 250), (600, 600, 900, 900), (900, 0, 1000, 100)
ALL = [said(RIGHT), said(HALF), said(SECOND), said(FAR), said(RIGHT, FAR), said(RIGHT, keyframe=1), told("?")]


@pytest.mark.parametrize("reward", REWARDS, ids=lambda reward: type(reward).__name__)
def test_each_keeps_the_contract(reward) -> None:
    check_reward(reward, ALL, reward.worst, reward.best)


def test_the_first_box_is_held_against_the_true_one_that_suits_it_best() -> None:
    episodes = [said(RIGHT), said(HALF), said(SECOND), said(FAR), said(HALF, RIGHT)]
    assert BoxIoU()(episodes) == pytest.approx([1, 0.5, 1, 0, 0.5])
    assert BoxHit()(episodes) == [1, 0, 1, 0, 0]  # half is not more than half
    assert BoxHit(threshold=0.4)(episodes) == [1, 1, 1, 0, 1]


def test_a_frame_without_the_target_earns_the_worst_and_one_of_which_nothing_is_known_has_no_number() -> None:
    episodes = [said(RIGHT, keyframe=1), said(RIGHT, keyframe=6)]
    assert BoxIoU()(episodes) == [0.0, NotApplicable(UNKNOWN)]
    assert BoxGIoU()(episodes) == [-1.0, NotApplicable(UNKNOWN)]


def test_what_has_no_number_says_why() -> None:
    assert BoxIoU()([told("?"), told("<answer>left</answer>"), said(RIGHT, truth=Truth())]) == [
        Malformed("nothing was answered"),
        Malformed("the answer has no box"),
        NotApplicable("the task has no true box"),
    ]


def test_pixels_are_those_of_the_stated_image() -> None:
    off = said((50, 50, 550, 550))  # 5 pixels of the clip, 42 of an image of 840
    assert BoxL1(reach=84)([off]) == pytest.approx([0.5])
    assert BoxL1(reach=10, image=(100, 100))([off]) == pytest.approx([0.5])
    assert BoxNear(within=41)([off]) == [0.0]
    assert BoxNear(within=43)([off]) == [1.0]
    assert BoxNear(within=6, image=(100, 100))([off]) == [1.0]


def test_giou_falls_with_the_distance_where_iou_is_0() -> None:
    near, far = BoxGIoU()([said((520, 0, 560, 500)), said((950, 0, 990, 500))])
    assert isinstance(near, float)
    assert isinstance(far, float)
    assert -1 < far < near < 0
    assert BoxIoU()([said((520, 0, 560, 500))]) == [0.0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_measures_are_the_published_ones_where_a_side_counts_one_pixel_more(case) -> None:
    (answer,) = re.findall(r"<answer>(.*?)</answer>", case["reply"], re.DOTALL)
    corners = np.array([item["bbox_2d"] for item in json.loads(answer)], float)[:, None]
    true = np.array([each["bbox_2d"] for each in case["truth"]], float)[None]
    expected = case["pairs"]["values"]
    _same(iou(corners, true, pixel=1), expected["box_iou"])
    _same(mean_difference(corners, true), expected["box_l1"])
    hits = case["pairs"]["hits"]
    assert np.array_equal(iou(corners, true, pixel=1) > 0.5, hits["box_iou"])
    assert np.array_equal(mean_difference(corners, true) < 10, hits["box_l1"])


def _same(found, expected) -> None:
    known = np.array([[math.nan if each is None else each for each in row] for row in expected])
    assert found[~np.isnan(known)] == pytest.approx(known[~np.isnan(known)], abs=1e-5)


@given(boxes, boxes)
def test_iou_is_that_of_two_boxes_and_neither_comes_first(one, other) -> None:
    space = CLIP.space(0)
    (a, b, c, d), (e, f, g, h) = one, other
    assert iou(one, other) == pytest.approx(Box(a, b, c, d, space).iou(Box(e, f, g, h, space)))
    assert iou(one, other) == iou(other, one)
    assert giou(one, other) == giou(other, one)
    assert mean_difference(one, other) == mean_difference(other, one)


@given(boxes, boxes, st.integers(-50, 50), st.integers(-50, 50))
def test_measures_keep_their_bounds_and_do_not_ask_where_the_picture_begins(one, other, right, down) -> None:
    moved = np.array([right, down, right, down])
    assert 0 <= iou(one, other) <= 1
    assert -1 <= giou(one, other) <= iou(one, other)
    for measure in (iou, giou, mean_difference):
        assert measure(one + moved, other + moved) == measure(one, other)


@given(boxes)
def test_a_box_is_wholly_itself(box) -> None:
    area = (box[2] - box[0]) * (box[3] - box[1])
    assert iou(box, box) == giou(box, box) == (1 if area else 0)
    assert mean_difference(box, box) == 0
