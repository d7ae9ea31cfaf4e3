import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from framework.errors import DataError
from framework.types import Mask
from framework.vision import masks, overlap

sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))
kinds = st.sampled_from([masks.encode, masks.pack])
pair = sizes.flatmap(lambda size: st.tuples(arrays(bool, size), arrays(bool, size)))


def by_pixels(one, other, both_empty):
    united = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / united if united else both_empty


@given(st.lists(st.tuples(pair, kinds, kinds), max_size=5), st.sampled_from([0.0, 1.0]))
def test_iou_of_stored_masks_is_that_of_their_pixels(pairs, both_empty):
    said = [store(one) for (one, _), store, _ in pairs]
    true = [store(other) for (_, other), _, store in pairs]
    expected = [by_pixels(one, other, both_empty) for (one, other), _, _ in pairs]
    assert overlap.iou(said, true, both_empty).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("store", [masks.encode, masks.pack])
def test_many_large_masks(store):
    dense = np.random.default_rng(0).random((2, 150, 37, 53)) > 0.6
    dense[:, 7] = False
    dense[0, 9] = True
    said, true = ([store(each) for each in side] for side in dense)
    expected = [by_pixels(one, other, 1.0) for one, other in zip(*dense, strict=True)]
    assert overlap.iou(said, true).tolist() == pytest.approx(expected)


sized = sizes.flatmap(lambda size: arrays(bool, size))


@given(st.lists(st.tuples(sized, sized, kinds, kinds), max_size=5), st.sampled_from([0.0, 1.0]))
def test_masks_of_two_sizes_are_compared_at_the_true_ones_to_the_last_bit(pairs, both_empty):
    said, true = [store(one) for one, _, store, _ in pairs], [store(other) for _, other, _, store in pairs]
    resized = [masks.resized(one, other.width, other.height) for one, other in zip(said, true, strict=True)]
    assert overlap.iou(said, true, both_empty).tolist() == overlap.iou(resized, true, both_empty).tolist()


def test_runs_that_do_not_cover_the_mask_are_refused():
    with pytest.raises(DataError, match="runs do not cover its 3 × 2 pixels"):
        overlap.iou([Mask((0, 6), 3, 2), Mask((0, 5), 3, 2)], [Mask((0, 6), 3, 2)] * 2)
