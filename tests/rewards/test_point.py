import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_cdt

from envs.single_turn import SingleTurn
from framework.env import Sight
from framework.policy import Scripted
from framework.rollout import play
from framework.testing import check_reward
from framework.types import Episode, Malformed, NotApplicable, Task, Truth, Video
from framework.vision import masks
from framework.vision.boxes import Box, Point
from rewards.box import BoxIoU
from rewards.matching import Matched
from rewards.point import (
    NegativePoint,
    PointDistance,
    PointInBox,
    PointInMask,
    PointInOwnBox,
    PointNear,
    distance,
    inside,
)
from rewards.said import UNKNOWN

GOLDEN = Path(__file__).parents[1] / "golden" / "r1_rewards.json"
CASES = [case for case in json.loads(GOLDEN.read_text())["cases"] if case.get("pairs")]
IMAGE = Video("image", length=1, width=840, height=840)
SPACE = IMAGE.space(0)
SQUARE = np.zeros((840, 840), bool)
SQUARE[400:440, 400:440] = True
TRUTH = Truth(
    boxes={0: (Box(400, 400, 440, 440, SPACE), Box(0, 0, 10, 10, SPACE))},
    points={0: (Point(420, 420, SPACE), Point(5, 5, SPACE))},
    masks={0: masks.encode(SQUARE)},
)
PIXELS = SingleTurn(sight=Sight(unit=28, coordinates=840))
REWARDS = (PointDistance(), PointNear(), PointInBox(), PointInOwnBox(), PointInMask(), NegativePoint())
BOX = [400, 400, 440, 440]


def said(*items: dict, truth: Truth = TRUTH, video: Video = IMAGE) -> Episode:
    """An answer in pixels of an image of 840 × 840."""
    return told(f"<answer>{json.dumps(items)}</answer>", truth, video)


def told(line: str, truth: Truth = TRUTH, video: Video = IMAGE) -> Episode:
    return asyncio.run(play(Task(id="t", question="?", video=video, truth=truth), PIXELS, Scripted(line)))


def at(*point: float) -> Episode:
    return said({"point_2d": point})


def beside(*points: tuple[float, float], **more) -> Episode:
    return said({"bbox_2d": BOX, "neg_point_2d": [list(point) for point in points]}, **more)


ALL = [at(420, 420), at(449, 420), at(0, 0), at(840, 840), said({"bbox_2d": BOX}), beside((450, 420)), told("?")]


@pytest.mark.parametrize("reward", REWARDS, ids=lambda reward: type(reward).__name__)
def test_each_keeps_the_contract(reward) -> None:
    check_reward(reward, ALL, 0, 1)


def test_a_point_30_pixels_off_is_no_longer_near() -> None:
    episodes = [at(449, 420), at(450, 420), at(444, 438), at(443, 438), at(420, 400)]
    assert PointNear()(episodes) == [1, 0, 0, 1, 1]  # 24 and 18 pixels make 30
    assert PointNear(metric="l1")(episodes) == [1, 0, 0, 0, 1]
    assert PointNear(within=31)(episodes) == [1, 1, 1, 1, 1]


def test_a_point_may_have_to_lie_in_the_box_that_was_said_of_it() -> None:
    item = {"bbox_2d": BOX, "point_2d": [440, 420]}
    out = {**item, "point_2d": [441, 420]}
    episodes = [said(item), said(out), at(420, 420)]
    assert PointNear(own_box=True)(episodes) == [1, 0, 0]
    assert PointInOwnBox()(episodes) == [1, 0, 0]
    assert PointInOwnBox()([said(item, out)]) == [0.5]


def test_closeness_is_1_on_the_point_and_0_at_the_reach() -> None:
    episodes = [at(420, 420), at(470, 420), at(450, 460), at(520, 420), at(800, 800)]
    assert PointDistance()(episodes) == pytest.approx([1, 0.5, 0.5, 0, 0])
    assert PointDistance(metric="l1")(episodes) == pytest.approx([1, 0.5, 0.3, 0, 0])


def test_pixels_are_those_of_the_stated_image() -> None:
    assert PointNear(within=5, image=(84, 84))([at(469, 420), at(470, 420)]) == [1, 0]


def test_a_point_in_any_true_box_is_in_a_box() -> None:
    assert PointInBox()([at(440, 440), at(441, 440), at(5, 10), at(200, 200)]) == [1, 0, 1, 0]


def test_a_point_is_in_the_mask_if_its_pixel_is() -> None:
    assert PointInMask()([at(400, 400), at(439, 439), at(440, 439), at(399, 400)]) == [1, 1, 0, 0]
    assert PointInMask()([said({"point_2d": [420, 420]}, {"point_2d": [1, 1]})]) == [0.5]
    assert PointInMask()([said({"bbox_2d": BOX})]) == [Malformed("the answer has no point")]


@pytest.mark.parametrize(
    ("points", "earned"),
    [
        ([(440, 420)], 1),  # 1 step beside
        ([(479, 420)], 1),  # 40 steps
        ([(480, 420)], 0),
        ([(420, 420)], 0),  # on it
        ([(460, 458)], 1),  # 21 steps aside, 19 down
        ([(460, 459)], 0),
        ([(440, 420), (420, 420)], 0.5),
        ([(440, 420), (399, 420), (0, 0), (360, 439)], 0.75),
        ([], 0),
    ],
)
def test_a_negative_point_earns_its_share_within_40_steps_of_the_mask(points, earned) -> None:
    assert NegativePoint()([beside(*points)]) == [pytest.approx(earned)]


def test_a_negative_point_outside_the_image_earns_nothing() -> None:
    edge = np.zeros((840, 840), bool)
    edge[:, 830:] = edge[830:] = True
    truth = Truth(masks={0: masks.encode(edge)})
    inner, outer = beside((829, 400), truth=truth), beside((900, 400), (400, 900), truth=truth)
    assert NegativePoint()([inner, outer]) == [1, 0]
    band = Truth(masks={0: masks.encode(np.arange(840) // 10 == np.full((840, 1), 1))})
    assert NegativePoint()([beside((x, 400), truth=band) for x in (-1, 0)]) == [0, 1]


@given(st.lists(st.tuples(st.integers(0, 839), st.integers(0, 839)), min_size=1, max_size=5), st.booleans())
def test_negative_points_are_those_of_a_distance_map_whatever_the_size_of_the_mask(points, packed) -> None:
    video = Video("small", length=1, width=120, height=70)
    small = np.zeros((70, 120), bool)
    small[10:30, 40:100] = small[20:60, 45:55] = True
    mask = masks.pack(small) if packed else masks.encode(small)
    rows, columns = (2 * np.arange(840) + 1) * 70 // 1680, (2 * np.arange(840) + 1) * 120 // 1680
    steps = np.asarray(distance_transform_cdt(~small[rows[:, None], columns], metric="taxicab"))
    true = np.mean([0 < steps[y, x] <= 40 for x, y in points])
    assert NegativePoint()([beside(*points, truth=Truth(masks={0: mask}), video=video)]) == [pytest.approx(true)]


def test_that_no_target_is_on_a_frame_which_nobody_annotated_is_a_guess() -> None:
    clip, nothing = Video("clip", length=4, width=840, height=840), masks.encode(np.zeros((840, 840), bool))
    truth = replace(TRUTH, present=(True, False, False, False), masks={0: TRUTH.masks[0], 2: nothing})
    for reward in (BoxIoU(), Matched(), PointInMask(), NegativePoint()):
        where = [f'{{"keyframe": {frame}, "bbox_2d": {BOX}, "point_2d": [1, 1]}}' for frame in (1, 2)]
        earned = reward([told(f"<answer>{each}</answer>", truth, clip) for each in where])
        assert earned == [NotApplicable(UNKNOWN), 0.0]


def test_where_no_mask_is_known_there_is_no_number() -> None:
    unknown = Truth(present=(True,), masks={7: masks.encode(SQUARE)})
    absent = Truth(present=(False,), masks={7: masks.encode(SQUARE)})
    for reward, episode in (
        (NegativePoint(), beside),
        (PointInMask(), lambda *_, truth: said({"point_2d": [1, 1]}, truth=truth)),
    ):
        values = reward([episode((1, 1), truth=truth) for truth in (unknown, absent, Truth())])
        assert values == [NotApplicable(UNKNOWN), 0.0, NotApplicable("the task has no true mask")]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_distances_are_the_published_ones(case) -> None:
    (answer,) = re.findall(r"<answer>(.*?)</answer>", case["reply"], re.DOTALL)
    items = json.loads(answer)
    points, corners = (np.array([item[key] for item in items], float)[:, None] for key in ("point_2d", "bbox_2d"))
    true = np.array([each["point_2d"] for each in case["truth"]], float)[None]
    far = distance(points, true)
    assert far == pytest.approx(np.array(case["pairs"]["values"]["point_distance"]), abs=1e-5)
    assert np.array_equal((far < 30) & inside(points, corners), case["pairs"]["hits"]["point"])


@given(*[st.tuples(st.integers(-99, 99), st.integers(-99, 99)).map(np.array)] * 3)
def test_distances_are_metrics_and_do_not_ask_where_the_picture_begins(one, other, moved) -> None:
    for metric in ("l1", "l2"):
        assert (
            distance(one, other, metric) == distance(other, one, metric) == distance(one + moved, other + moved, metric)
        )
    assert distance(one, other, "l2") <= distance(one, other, "l1") + 1e-9
