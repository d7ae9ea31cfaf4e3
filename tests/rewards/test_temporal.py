from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.config import typed
from framework.testing import check_reward
from framework.types import (
    Action,
    Answer,
    Episode,
    Failure,
    Malformed,
    NotApplicable,
    Observation,
    Parsed,
    Select,
    Stop,
    Task,
    Truth,
    Turn,
    Video,
)
from framework.vision import masks
from framework.vision.boxes import Box, Interval
from rewards.temporal import Coverage, IntervalIoU, IntervalPrecision, IntervalReward, KeyframeHit, KeyframeQuality

CLIP = Video("clip", length=10, width=100, height=100, fps=2.0)
SEEN = tuple(3 <= frame <= 5 for frame in range(10))
INTERVALS: Sequence[type[IntervalReward]] = (IntervalIoU, IntervalPrecision, Coverage)


def played(*acts: Parsed, truth: Truth) -> Episode:
    turns = tuple(Turn(Observation(("?",)), Action("…", act)) for act in acts)
    return Episode(task=Task(id="t", question="?", video=CLIP, truth=truth), turns=turns, stop=Stop.ANSWERED)


def names(start: float, end: float, keyframe: int = 0) -> Answer:
    return Answer(interval=Interval(start, end), keyframe=keyframe)


def measured(said: Answer, known: Truth, **settings: str) -> list[float | Failure]:
    return [typed(reward, dict(settings))([played(said, truth=known)])[0] for reward in INTERVALS]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(3, 5, (1, 1, 1)), (3, 8, (0.5, 0.5, 1)), (4, 4, (1 / 3, 1, 1 / 3)), (0, 9, (0.3, 0.3, 1)), (6, 9, (0, 0, 0))],
)
def test_what_of_an_interval_is_right_and_how_much_of_the_truth_it_holds(
    start: int, end: int, expected: tuple[float, ...]
) -> None:
    for truth, against in ((Truth(interval=Interval(3, 5)), "interval"), (Truth(present=SEEN), "present")):
        assert measured(names(start, end), truth, truth=against) == pytest.approx(expected)


def test_a_share_of_frames_is_that_of_seconds_without_a_rate_and_seconds_have_none() -> None:
    def paid(said: Interval, fps: float | None) -> float | Failure:
        episode = played(Answer(interval=said), truth=Truth(interval=Interval(3, 5)))
        episode = replace(episode, task=replace(episode.task, video=replace(CLIP, fps=fps)))
        return IntervalIoU(unit="second")([episode])[0]

    assert paid(Interval(4, 7), 2.0) == pytest.approx(paid(Interval(4, 7), None))
    assert isinstance(paid(Interval(1.5, 3.0, "second"), None), NotApplicable)


def test_a_target_that_comes_back_is_seen_in_pieces() -> None:
    present = Truth(present=(True, False, False, True, True, False, False, False, False, False))
    assert measured(names(0, 3), present, truth="present") == pytest.approx([2 / 5, 2 / 4, 2 / 3])


def test_a_truth_in_seconds_meets_frames_in_either_unit() -> None:
    """Frames 2–3 of a clip at 2 frames per second are seconds 1 to 2; frame 3 begins at 1.5 s."""
    truth = Truth(interval=Interval(1.5, 2.5, "second"))
    assert measured(names(2, 3), truth, unit="second") == pytest.approx([1 / 3, 1 / 2, 1 / 2])
    assert measured(names(2, 3), truth, unit="frame") == pytest.approx([1 / 3, 1 / 2, 1 / 2])
    late = Truth(interval=Interval(1.25, 2.25, "second"))
    assert measured(names(2, 3), late, unit="second") == pytest.approx([0.75 / 1.25, 0.75, 0.75])


def test_the_last_turn_counts_or_the_answer_alone() -> None:
    look = Select(Interval(3, 5), 4)
    truth = Truth(interval=Interval(3, 5), present=SEEN)
    looks, astray = played(look, look, truth=truth), played(look, names(8, 9, 9), truth=truth)
    unread = played(look, Malformed("?"), truth=truth)
    nothing = Malformed("no interval was named")
    nowhere = Malformed("no keyframe was named")
    assert IntervalIoU()([looks, astray, unread]) == [1.0, 0.0, nothing]
    assert KeyframeHit()([looks, astray, unread]) == [1.0, 0.0, nowhere]
    assert IntervalIoU(act="answer")([looks, astray, unread]) == [nothing, 0.0, nothing]
    assert KeyframeHit(act="answer")([looks, astray, unread]) == [nowhere, 0.0, nowhere]


def test_what_cannot_be_measured_says_why() -> None:
    bare, mute = played(names(0, 1), truth=Truth()), played(Answer(text="left"), truth=Truth(interval=Interval(0, 1)))
    assert Coverage()([bare, mute]) == [
        NotApplicable("the task has no true interval"),
        Malformed("no interval was named"),
    ]
    never = played(names(0, 1), truth=Truth(present=(False,) * 10))
    assert Coverage(truth="present")([never]) == [NotApplicable("the target is never visible")]
    assert KeyframeHit()([never]) == [NotApplicable("the target is never visible")]
    unknown = NotApplicable("which frames show the target is not known (Truth.present)")
    assert (Coverage(truth="present")([bare]), KeyframeHit()([bare])) == ([unknown], [unknown])
    assert KeyframeQuality()([never]) == [NotApplicable("the area of the target is not known on any frame")]


def test_a_keyframe_is_as_good_as_the_target_is_large_on_it() -> None:
    truth = Truth(
        present=(True, True, True, False, True, *(False,) * 5),
        masks={
            frame: masks.encode(np.arange(100).reshape(10, 10) < size) for frame, size in ((0, 20), (1, 80), (2, 5))
        },
    )
    frames = [played(names(0, 9, frame), truth=truth) for frame in (0, 1, 2, 3, 4)]
    expected = [0.25, 1.0, 0.0625, 0.0, NotApplicable("the area of the target on frame 4 is not known")]
    assert KeyframeQuality()(frames) == expected


def test_of_a_frame_that_nobody_annotated_the_area_is_not_known_though_it_be_guessed_absent() -> None:
    """Every other frame is annotated; what `present` says of those between is the nearest one's."""
    there, nothing = masks.encode(np.ones((4, 4), bool)), masks.encode(np.zeros((4, 4), bool))
    truth = Truth(present=(True, False, False, False), masks={0: there, 2: nothing})
    frames = [played(names(0, 3, frame), truth=truth) for frame in (0, 1, 2)]
    assert KeyframeQuality()(frames) == [1.0, NotApplicable("the area of the target on frame 1 is not known"), 0.0]


def test_without_masks_the_boxes_say_how_large_the_target_is() -> None:
    boxes = {0: (Box(0, 0, 10, 10, CLIP.space(0)),), 1: (Box(0, 0, 10, 10, CLIP.space(1)),) * 2}
    truth = Truth(present=(True, True, *(False,) * 8), boxes=boxes)
    assert KeyframeQuality()([played(names(0, 1, frame), truth=truth) for frame in (0, 1, 2)]) == [0.5, 1.0, 0.0]


def test_a_wrong_unit_is_told() -> None:
    with pytest.raises(ValueError, match="unit: 'hour' will not do; it should be 'frame' or 'second'"):
        typed(IntervalIoU, {"unit": "hour"})


frame = st.integers(0, 9)
interval = st.tuples(frame, frame).map(lambda ends: Interval(min(ends), max(ends)))
truths = st.builds(Truth, interval=st.none() | interval, present=st.just(()) | st.tuples(*[st.booleans()] * 10))
acts = st.lists(
    st.one_of(
        st.builds(Select, interval, frame),
        st.builds(Answer, interval=st.none() | interval, keyframe=st.none() | st.integers(-2, 12)),
        st.just(Malformed("?")),
    ),
    min_size=1,
    max_size=3,
)


@given(st.lists(st.tuples(acts, truths), max_size=4), st.sampled_from(["last", "answer"]))
def test_numbers_about_time_are_shares(played_ones: list[tuple[list[Parsed], Truth]], act: str) -> None:
    episodes = [played(*each, truth=truth) for each, truth in played_ones]
    for reward in (*INTERVALS, KeyframeHit, KeyframeQuality):
        check_reward(typed(reward, {"act": act}), episodes, low=0, high=1)
    for reward in INTERVALS:
        check_reward(typed(reward, {"act": act, "unit": "second", "truth": "present"}), episodes, low=0, high=1)


@given(interval, interval, st.integers(0, 50))
def test_when_it_is_does_not_matter(said: Interval, true: Interval, later: int) -> None:
    moved = [Interval(each.start + later, each.end + later) for each in (said, true)]
    here = measured(Answer(interval=said), Truth(interval=true))
    assert measured(Answer(interval=moved[0]), Truth(interval=moved[1])) == pytest.approx(here)
