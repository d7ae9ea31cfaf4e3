import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.chat.grammar import Grammar
from framework.env import Sight
from framework.errors import GeometryError
from framework.types import Picture, Role, Video, Zoom
from framework.vision.boxes import Box, Interval, Point, Space
from framework.vision.plan import Look

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


def test_a_crop_without_area_is_an_error_at_once() -> None:
    with pytest.raises(GeometryError, match=r"clip#3: a crop of .* has no area"):
        FRAME.part(Box(5, 5, 5, 9, FRAME))


FAMILIES = [Sight(unit=28, coordinates="pixels"), Sight(unit=32, coordinates=1000)]
"""Qwen2.5-VL and Qwen3-VL."""


@st.composite
def looks(draw: st.DrawFn, sight: Sight) -> list[Picture]:
    """Five pictures of a clip: each shows its frame, the same frame at another size, or a part of the one before."""
    video = Video("clip", length=10, width=draw(st.integers(200, 1920)), height=draw(st.integers(200, 1080)))
    seen = [Look().picture(video, draw(st.integers(0, 9)), Role.OVERVIEW, sight.unit)]
    while len(seen) < 5:
        look, last = Look(max_pixels=draw(st.integers(50_000, 600_000))), seen[-1]
        step = draw(st.sampled_from(["zoom", "select", "resize"]))
        crop, frame = last.crop, last.frame
        if step == "select":
            crop, frame = None, draw(st.integers(0, 9))
        elif step == "zoom":
            crop = said_and_read(draw(parts(last.space)), last, sight).to(video.space(frame))
        seen.append(look.picture(video, frame, Role.DETAIL, sight.unit, crop))
    return seen


def said_and_read(box: Box, seen: Picture, sight: Sight) -> Box:
    """As a policy says it: in whole numbers, on a picture it was shown."""
    grammar = Grammar(actions=("zoom",))

    def place(frame: int | None) -> Space:
        return sight.said_on(seen)

    zoom = grammar.parse(grammar.write(Zoom(seen.frame, box), place), seen.video.length, place)
    assert isinstance(zoom, Zoom)
    return zoom.box


@st.composite
def parts(draw: st.DrawFn, space: Space) -> Box:
    """A box of at least a quarter of each side."""
    (x0, x1), (y0, y1) = (
        (low, low + draw(st.floats(0.25, 1 - low))) for low in (draw(st.floats(0, 0.7)), draw(st.floats(0, 0.7)))
    )
    width, height = space.units
    return Box(x0 * width, y0 * height, x1 * width, y1 * height, space)


@pytest.mark.parametrize("sight", FAMILIES, ids=["pixels", "0–1000"])
@given(data=st.data())
def test_what_is_said_of_a_picture_comes_back_within_a_pixel(sight: Sight, data: st.DataObject) -> None:
    seen = data.draw(looks(sight))
    last = seen[-1]
    box = data.draw(parts(last.space))
    assert said_and_read(box, last, sight).to(last.space).corners == pytest.approx(box.corners, abs=1)
    there = original = box.to(last.video.space(last.frame))
    for picture in (each for each in seen if each.frame == last.frame):
        there = there.to(sight.said_on(picture)).to(picture.space)
    assert there.to(original.space).corners == pytest.approx(original.corners, abs=1e-3)


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
