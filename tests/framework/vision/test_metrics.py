import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from framework.errors import DataError
from framework.types import Mask
from framework.vision import masks
from framework.vision.metrics import (
    JF,
    areas,
    c_iou,
    contour_accuracies,
    j_and_f,
    pixel_accuracies,
    robustnesses,
    temporal_iou,
    volume_iou,
)

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "masks_jf.json").read_text())["cases"]


def of_frame(pred, true):
    """J and F of one frame."""
    found = j_and_f(pred[None], true[None])
    return found.j, found.f


def pixels(said):
    height, width = said["size"]
    return masks.decode(Mask(tuple(said["counts"]), width, height))


@pytest.mark.parametrize("case", GOLDEN, ids=[case["id"] for case in GOLDEN])
def test_j_and_f_are_those_of_davis(case):
    pred, true = pixels(case["prediction"]), pixels(case["truth"])
    expected = pytest.approx((case["expected"]["J"], case["expected"]["F"]), abs=1e-12)
    assert of_frame(pred, true) == expected
    clip = j_and_f(pred[None].astype(np.uint8), true[None].astype(np.uint8))
    assert (clip.j, clip.f) == expected


@pytest.mark.parametrize(("shift", "j", "f"), [(1, 0.9512, 1), (3, 0.8605, 0.525)])
def test_a_square_that_is_shifted(shift, j, f):
    square = np.zeros((100, 100), bool)
    square[30:70, 30:70] = True
    moved = np.roll(square, shift, axis=1)
    assert of_frame(moved, square) == pytest.approx((j, f), abs=1e-4)


def test_what_is_empty_or_fills_the_frame():
    empty, full, dot = np.zeros((9, 9), bool), np.ones((9, 9), bool), np.eye(9, dtype=bool)
    assert of_frame(empty, empty) == (1, 1)
    assert of_frame(dot, empty) == (0, 0)
    assert of_frame(full, empty) == (0, 1)  # neither has a boundary


def by_definition(pred, true):
    """F of one frame, pixel by pixel."""
    height, width = pred.shape
    radius = np.ceil(0.008 * np.linalg.norm(pred.shape))

    def boundary(mask):
        near = [(0, 1), (1, 0), (1, 1)]
        return [
            (y, x)
            for y in range(height)
            for x in range(width)
            if any(mask[y, x] != mask[min(y + dy, height - 1), min(x + dx, width - 1)] for dy, dx in near)
        ]

    said, right = boundary(pred), boundary(true)
    if not said or not right:
        return float(not said and not right)

    def found(those, these):
        return np.mean([any((y - v) ** 2 + (x - u) ** 2 <= radius**2 for v, u in these) for y, x in those])

    precision, recall = found(said, right), found(right, said)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


sizes = st.tuples(st.integers(1, 9), st.sampled_from([1, 2, 9, 63, 64, 65, 130]))


@given(sizes.flatmap(lambda size: st.tuples(arrays(bool, size), arrays(bool, size))))
def test_f_is_what_its_definition_says(pair):
    assert of_frame(*pair)[1] == pytest.approx(by_definition(*pair), abs=1e-12)


@pytest.mark.parametrize("radius", [1, 40, 63, 64, 65, 100])
def test_a_boundary_is_found_up_to_the_radius_and_no_farther(radius):
    """A frame one pixel high whose diagonal gives this radius; two dots, so far apart."""
    width = int(radius / 0.008) - 1
    for apart, f in ((radius, 1.0), (radius + 2, 0.0)):
        pred, true = np.zeros((1, width), bool), np.zeros((1, width), bool)
        pred[0, 7], true[0, 7 + apart] = True, True  # boundaries at 6 and 7, and as far to the east
        assert of_frame(pred, true)[1] == f


clips = st.tuples(st.integers(1, 4), st.integers(1, 12), st.integers(1, 70))


@given(clips.flatmap(lambda size: st.tuples(arrays(bool, size), arrays(bool, size))))
def test_a_clip_is_the_mean_of_its_frames(pair):
    each = [of_frame(pred, true) for pred, true in zip(*pair, strict=True)]
    clip = j_and_f(*pair)
    assert (clip.j, clip.f) == pytest.approx(tuple(np.mean(each, axis=0)))
    assert clip.mean == pytest.approx(np.mean(each))
    assert np.all((contour_accuracies(*pair) >= 0) & (contour_accuracies(*pair) <= 1))


def test_a_perfect_clip_scores_one():
    clip = np.random.default_rng(0).random((3, 20, 30)) > 0.5
    assert j_and_f(clip, clip) == JF(1.0, 1.0)


@pytest.mark.parametrize(
    "wrong", [np.full((2, 2), 255, np.uint8), np.full((2, 2), -1), np.full((2, 2), 0.5), np.full((2, 2), np.nan)]
)
def test_masks_that_are_not_zero_and_one_are_refused(wrong):
    with pytest.raises(DataError, match=r"a mask holds .*; give bool, or whole numbers 0 and 1"):
        of_frame(wrong, np.ones((2, 2), bool))


def test_masks_of_two_sizes_are_refused():
    with pytest.raises(DataError, match=r"shapes \(1, 2, 3\) and \(1, 3, 2\) cannot be compared"):
        of_frame(np.ones((2, 3), bool), np.ones((3, 2), bool))


def test_accuracy_and_robustness_count_pixels():
    true, pred, annotated = np.zeros((3, 2, 4, 5), bool)
    true[0, :2], pred[0, 1:3], annotated[0, :] = True, True, True  # five are right, five wrong, five were not found
    pred[1, 0, 0] = True  # where nothing at all is annotated
    assert pixel_accuracies(pred, true) == pytest.approx([10 / 20, 19 / 20])
    assert robustnesses(pred, true, annotated) == pytest.approx([1 - 5 / 20, 0], abs=1e-6)


def test_c_iou_counts_pixels_of_all_images_together():
    shared, united = areas(np.eye(4, dtype=bool).reshape(2, 2, 4), np.ones((2, 2, 4), bool))
    assert (shared.tolist(), united.tolist()) == ([2, 2], [8, 8])
    shared, united = np.array([0, 1, 8]), np.array([0, 4, 8])
    assert c_iou(shared, united) == 9 / 12
    assert c_iou(shared[:1], united[:1]) == 1


def test_time_and_volume_are_of_frames_in_which_either_sees_it():
    pred, true = np.array([1, 1, 0, 0], bool), np.array([0, 1, 1, 0], bool)
    assert temporal_iou(pred, true) == 1 / 3
    assert volume_iou(np.array([0, 0.5, 0, 1]), pred, true) == 0.5 / 3
    never = np.zeros(4, bool)
    assert (temporal_iou(never, never), volume_iou(np.ones(4), never, never)) == (1, 1)
