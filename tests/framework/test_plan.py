import math

from hypothesis import given
from hypothesis import strategies as st

from framework.types import Role, Video
from framework.vision.boxes import Box, Interval
from framework.vision.plan import Look, at, fit, percent, spread, within

lengths, counts = st.integers(1, 5000), st.integers(0, 64)


@given(lengths, counts)
def test_a_spread_is_ordered_unique_and_inside(length: int, count: int) -> None:
    frames = spread(length, count)
    assert len(frames) == min(length, count)
    assert sorted(set(frames)) == frames
    assert all(0 <= frame < length for frame in frames)


@given(lengths, st.integers(2, 64))
def test_a_spread_holds_both_ends(length: int, count: int) -> None:
    frames = spread(length, count)
    assert frames[0] == 0
    assert frames[-1] == length - 1


@given(st.integers(0, 100), st.integers(0, 100), counts)
def test_frames_within_an_interval_stay_within_it(a: int, b: int, count: int) -> None:
    interval = Interval(min(a, b), max(a, b))
    assert set(within(interval, count)) <= set(interval.frames)


@given(st.integers(1, 8000), st.integers(1, 8000), st.sampled_from([8, 28, 32]), st.integers(4, 64), st.integers(1, 32))
def test_sizes_are_whole_tokens_within_the_limits(width: int, height: int, unit: int, tokens: int, fewest: int) -> None:
    most, least = tokens * unit * unit, min(fewest, tokens // 4) * unit * unit
    wide, high = fit(width, height, unit, least, most)
    assert wide % unit == high % unit == 0
    assert unit * unit <= wide * high <= most
    assert wide * high >= least


@given(st.integers(64, 4000), st.integers(64, 4000))
def test_the_shape_of_a_picture_is_kept(width: int, height: int) -> None:
    wide, high = fit(width, height, 28, 3136, 400_000)
    assert abs(math.log((wide / high) / (width / height))) <= 1.5 * 28 / min(wide, high)


def test_the_size_of_a_crop_follows_the_crop() -> None:
    clip = Video("clip", 4, 640, 360)
    crop = Box(0, 0, 100, 100, clip.space(2))
    picture = Look(max_pixels=784 * 16, min_pixels=784 * 16).picture(clip, 2, Role.CROP, 28, crop)
    assert picture.size == (112, 112)
    assert picture.space.region == (0, 0, 100, 100)


@given(st.integers(0, 500), st.integers(1, 100), st.data())
def test_a_percentage_leads_back_to_its_frame(start: int, length: int, data: st.DataObject) -> None:
    segment = Interval(start, start + length - 1)
    frame = data.draw(st.sampled_from(segment.frames))
    assert at(segment, percent(segment, frame)) == frame
