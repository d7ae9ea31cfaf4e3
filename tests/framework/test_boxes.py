import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.errors import GeometryError
from framework.types import Video
from framework.vision.boxes import Box, Interval, Point, Space

CLIP = Video("clip", length=10, width=640, height=360, fps=2.0)
FRAME = CLIP.space(3)


def test_one_box_in_four_frames_of_reference() -> None:
    box = Box(160, 90, 320, 180, FRAME)
    assert box.to(FRAME.counted_in(1000, 1000)).corners == (250, 250, 500, 500)
    assert box.to(FRAME.counted_in(448, 252)).corners == (112, 63, 224, 126)
    crop = FRAME.part(Box(160, 90, 480, 270, FRAME)).counted_in(336, 189)
    assert box.to(crop).corners == pytest.approx((0, 0, 168, 94.5))


def test_boxes_of_two_pictures_never_meet() -> None:
    with pytest.raises(GeometryError, match="clip#4 has no place on clip#3"):
        Box(0, 0, 1, 1, FRAME).iou(Box(0, 0, 1, 1, CLIP.space(4)))


def test_iou_is_the_same_in_every_space() -> None:
    one, other = Box(0, 0, 100, 100, FRAME), Box(50, 0, 150, 100, FRAME)
    assert one.iou(other) == pytest.approx(1 / 3)
    assert one.to(FRAME.counted_in(1000, 1000)).iou(other) == pytest.approx(1 / 3)


def test_a_box_without_area_overlaps_nothing() -> None:
    assert Box(5, 5, 5, 5, FRAME).iou(Box(5, 5, 5, 5, FRAME)) == 0.0


def test_a_box_outside_is_clamped_to_nothing() -> None:
    assert Box(700, 10, 900, 20, FRAME).clamped().area == 0.0


def test_a_point_is_in_a_box_whatever_it_is_counted_in() -> None:
    point = Point(500, 500, FRAME.counted_in(1000, 1000))
    assert Box(310, 170, 330, 190, FRAME).holds(point)
    assert not Box(0, 0, 10, 10, FRAME).holds(point)


sides = st.floats(0, 1)


@st.composite
def chains(draw: st.DrawFn) -> list[Space]:
    """Up to five spaces, each a crop or another count of the one before."""
    spaces = [FRAME]
    for _ in range(draw(st.integers(1, 5))):
        here = spaces[-1]
        if draw(st.booleans()):
            spaces.append(here.counted_in(draw(st.integers(28, 2000)), draw(st.integers(28, 2000))))
        else:
            width, height = here.units
            x, y = draw(st.floats(0, 0.5)) * width, draw(st.floats(0, 0.5)) * height
            wide, high = draw(st.floats(0.25, 0.5)) * width, draw(st.floats(0.25, 0.5)) * height
            spaces.append(here.part(Box(x, y, x + wide, y + high, here)))
    return spaces


@given(chains(), sides, sides, sides, sides)
def test_zoom_select_and_resize_compose_and_invert(spaces: list[Space], a: float, b: float, c: float, d: float) -> None:
    box = Box(min(a, c) * 640, min(b, d) * 360, max(a, c) * 640, max(b, d) * 360, FRAME)
    there = box
    for space in spaces:
        there = there.to(space)
    back = there.to(FRAME)
    assert back.corners == pytest.approx(box.corners, abs=1e-3)
    assert box.to(spaces[-1]).corners == pytest.approx(there.corners, rel=1e-6, abs=1e-3)


frames = st.integers(0, 99)


@given(frames, frames, st.sampled_from([1.0, 2.0, 23.976, 25.0, 60.0]))
def test_frames_to_seconds_and_back(a: int, b: int, fps: float) -> None:
    interval = Interval(min(a, b), max(a, b))
    assert interval.in_seconds(fps).in_frames(fps) == interval


@given(frames, frames, frames, frames)
def test_interval_iou_counts_frames(a: int, b: int, c: int, d: int) -> None:
    one, other = Interval(min(a, b), max(a, b)), Interval(min(c, d), max(c, d))
    said, true = set(one.frames), set(other.frames)
    assert one.iou(other) == pytest.approx(len(said & true) / len(said | true))
    assert one.iou(other) == other.iou(one)


def test_frames_and_seconds_do_not_mix() -> None:
    with pytest.raises(GeometryError, match="frames does not meet one in seconds"):
        Interval(0, 1).iou(Interval(0, 1, "second"))
