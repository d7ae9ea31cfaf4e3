import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from framework.errors import DataError, GeometryError
from framework.types import Mask
from framework.vision import masks
from framework.vision.boxes import Point, Space

SPACE = Space("clip#0", (0, 0, 60, 40), (60, 40))
dense = arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7)))


def space(mask: Mask) -> Space:
    return Space("clip#0", (0, 0, mask.width, mask.height), (mask.width, mask.height))


@given(dense)
def test_decode_inverts_encode(pixels):
    mask = masks.encode(pixels)
    assert np.array_equal(masks.decode(mask), pixels)
    assert masks.area(mask) == pixels.sum()


@given(dense)
def test_equal_pixels_have_equal_runs(pixels):
    assert masks.encode(masks.decode(masks.encode(pixels))) == masks.encode(pixels.copy(order="F"))


@given(dense)
def test_the_box_holds_every_pixel_and_touches_all_four_sides(pixels):
    mask = masks.encode(pixels)
    box = masks.box(mask, space(mask))
    rows, columns = np.flatnonzero(pixels.any(1)), np.flatnonzero(pixels.any(0))
    if box is None:
        assert not pixels.any()
    else:
        assert box.corners == (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)


@given(dense, st.data())
def test_a_union_has_the_pixels_of_each(one, data):
    several = [one, *data.draw(st.lists(arrays(bool, one.shape), max_size=4))]
    found = masks.union([data.draw(st.sampled_from([masks.encode, masks.pack]))(each) for each in several])
    assert found == masks.encode(np.logical_or.reduce(several))


def test_a_union_is_merged_run_by_run_without_painting(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(masks, "decode", None)
    assert masks.union([Mask((1, 2, 3), 3, 2), Mask((0, 0, 2, 2, 0, 0, 2), 3, 2)]) == Mask((1, 3, 2), 3, 2)
    assert masks.union([Mask((0, 4), 2, 2), Mask((4,), 2, 2)]) == Mask((0, 4), 2, 2)


def test_runs_begin_with_background_even_if_there_is_none():
    assert masks.encode(np.ones((2, 3), bool)) == Mask((0, 6), 3, 2)
    assert masks.encode(np.zeros((2, 3), bool)) == Mask((6,), 3, 2)


def test_runs_of_another_size_are_refused():
    with pytest.raises(DataError, match="cover 5 pixels, but it is 3 × 2"):
        masks.decode(Mask((2, 3), 3, 2))
    with pytest.raises(DataError, match="cover 5 pixels, but it is 3 × 2"):
        masks.union([Mask((2, 3), 3, 2)])


def test_masks_of_two_sizes_have_no_union():
    with pytest.raises(DataError, match="same size"):
        masks.union([Mask((6,), 3, 2), Mask((4,), 2, 2)])


@given(dense, st.integers(1, 5))
def test_a_mask_made_larger_and_small_again_is_the_same(pixels, times):
    mask = masks.encode(pixels)
    larger = masks.resized(mask, mask.width * times, mask.height * times)
    assert np.array_equal(masks.decode(larger), np.kron(pixels, np.ones((times, times), bool)))
    assert masks.as_runs(masks.resized(larger, mask.width, mask.height)) == mask


@given(dense)
def test_the_inner_point_lies_on_the_target(pixels):
    mask = masks.encode(pixels)
    point = masks.inner_point(mask, space(mask))
    assert (point is None) == (not pixels.any())
    assert point is None or pixels[int(point.y), int(point.x)]


def test_the_inner_point_is_the_centre_of_the_largest_circle():
    pixels = np.zeros((40, 60), bool)
    pixels[5:20, 5:50] = True  # a bar: of all circles as wide as it, the middle one
    assert masks.inner_point(masks.encode(pixels), SPACE) == Point(27.5, 12.5, SPACE)


def test_the_inner_point_of_a_ring_lies_on_it():
    across, down = np.meshgrid(np.arange(60) - 30, np.arange(40) - 20)
    ring = (across**2 + down**2 < 18**2) & (across**2 + down**2 > 12**2)
    point = masks.inner_point(masks.pack(ring), SPACE)
    assert point is not None
    assert ring[int(point.y), int(point.x)]
    assert 13 < np.hypot(point.x - 30, point.y - 20) < 17


def test_a_pictures_edge_is_an_edge():
    point = masks.inner_point(masks.encode(np.ones((40, 60), bool)), SPACE)
    assert point is not None
    assert max(abs(point.x - 30), abs(point.y - 20)) == 0.5


def test_a_mask_is_measured_in_a_space_of_its_own_pixels():
    mask = masks.encode(np.ones((40, 60), bool))
    for measured in (masks.box, masks.inner_point):
        with pytest.raises(GeometryError, match="a mask of 60 × 40 pixels lies in no space of"):
            measured(mask, SPACE.counted_in(1000, 1000))
