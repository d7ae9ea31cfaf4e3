import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from framework.errors import DataError
from framework.types import Mask
from framework.vision import masks
from framework.vision.boxes import Space

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
    other = data.draw(arrays(bool, one.shape))
    assert masks.union([masks.encode(one), masks.encode(other)]) == masks.encode(one | other)


def test_runs_begin_with_background_even_if_there_is_none():
    assert masks.encode(np.ones((2, 3), bool)) == Mask((0, 6), 3, 2)
    assert masks.encode(np.zeros((2, 3), bool)) == Mask((6,), 3, 2)


def test_runs_of_another_size_are_refused():
    with pytest.raises(DataError, match="cover 5 pixels, but it is 3 × 2"):
        masks.decode(Mask((2, 3), 3, 2))


def test_masks_of_two_sizes_have_no_union():
    with pytest.raises(DataError, match="same size"):
        masks.union([Mask((6,), 3, 2), Mask((4,), 2, 2)])
