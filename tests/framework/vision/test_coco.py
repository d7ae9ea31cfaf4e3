import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from framework.errors import DataError
from framework.types import Mask
from framework.vision import coco, masks

# What pycocotools 2.0.11 writes for these pixels and polygons.
BLOCKS = (
    b"99k0000000000000000000099^O0000000000000000000GGb00000000000000000000G9"
    b"000000000000000000000G090000000000000000000G"
)
POLYGONS = [
    ([3.2, 1.7, 20.5, 4.1, 14.9, 17.3], (24, 18), b"Z21a02N1O101N1O1O2N1O1O2NO2M2M3N2NV2"),
    ([-4, -3, 30, 5, 12, 40], (24, 18), b"0992N3M3M]30cL0000001O0000001O00000000"),
    ([2, 2, 9, 2, 9, 7, 2, 7], (12, 10), b"f05500000000000l0"),
]


def test_a_string_of_pycocotools_is_read_and_written_as_it_is():
    mask = coco.read(BLOCKS, 55, 36)
    assert coco.write(mask) == BLOCKS
    assert coco.read(BLOCKS.decode(), 55, 36) == mask
    assert coco.read_object({"size": [36, 55], "counts": list(mask.runs)}) == mask


@given(arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_read_inverts_write(pixels):
    mask = masks.encode(pixels)
    assert coco.read(coco.write(mask), mask.width, mask.height) == mask


def test_runs_without_pixels_are_joined():
    assert coco.read([1, 2, 0, 1, 2], 3, 2) == Mask((1, 3, 2), 3, 2)
    assert coco.read([0, 0, 6], 3, 2) == Mask((6,), 3, 2)


@pytest.mark.parametrize(("corners", "size", "counts"), POLYGONS)
def test_a_polygon_has_the_pixels_that_coco_paints(corners, size, counts):
    assert masks.encode(coco.polygon(corners, *size)) == coco.read(counts, *size)


@pytest.mark.parametrize("counts", [b"22", b"2\x01", b"2p", [7], [-1, 7]])
def test_counts_that_are_of_another_size_or_damaged_are_refused(counts):
    with pytest.raises(DataError):
        coco.read(counts, 3, 2)


@pytest.mark.parametrize("given", [None, {"size": [2, 3]}, {"size": 6, "counts": "6"}, "222"])
def test_what_is_no_mask_is_refused(given):
    with pytest.raises(DataError, match="is no mask"):
        coco.read_object(given)


def test_a_line_is_no_polygon():
    with pytest.raises(DataError, match="corners"):
        coco.polygon([1, 1, 4, 4], 9, 9)
