import asyncio

from envs.locate import Locate
from framework.player import Player
from framework.policy import Scripted
from framework.rollout import play
from framework.sampler import Hierarchical, percentage
from framework.types import Answer, Focus, Stop, Task, Truth, Video
from framework.vision.boxes import Box, Interval

CLIP = Video("clip", length=100, width=64, height=64)
BOXES = {frame: (Box(4, 4, 20, 20 + frame % 7, CLIP.space(frame)),) for frame in range(40, 52)}
TASK = Task(id="t", question="Find it.", video=CLIP, truth=Truth(boxes=BOXES, interval=Interval(40, 51)))


def sampler(**settings: object) -> Hierarchical:
    return Hierarchical(interval=Locate(), position=Locate(asked="position"), **settings)  # pyright: ignore[reportArgumentType]


def saying(intervals: list[str], positions: list[str]) -> Player:
    """Each question is answered by the next line."""
    lines = {"interval": iter(intervals), "position": iter(positions)}
    return lambda task, rules, seed: Scripted(next(lines[rules.asked]) if isinstance(rules, Locate) else "")


def when(start: int, end: int) -> str:
    return f'<answer>{{"start": {start}, "end": {end}}}</answer>'


def there(percent: float) -> str:
    return f"<answer>{percent}</answer>"


def found(intervals: list[str], positions: list[str], **settings: object) -> Focus:
    return asyncio.run(sampler(**settings).focus(TASK, saying(intervals, positions), 0))


def test_a_long_segment_is_narrowed_until_it_is_short_and_the_frame_is_sought_in_it():
    focus = found([when(20, 79), when(30, 69), when(40, 59), when(44, 63)], [there(10), there(20)], replies=2, best=2)
    assert focus.segment == Interval(42, 61)  # 25–74 is half of the clip, 42–61 is a fifth
    assert focus.target == 42 + 20 * 15 // 100
    assert len(focus.trace) == 6


def test_an_interval_said_backwards_is_turned_round():
    assert found([when(30, 20)], [there(0)], replies=1).segment == Interval(20, 30)


def test_replies_that_cannot_be_read_leave_the_segment_and_point_at_its_middle():
    focus = found(["later"], ["soon"], replies=1)
    assert (focus.segment, focus.target) == (Interval(0, 99), 50)


def test_a_segment_that_does_not_shrink_ends_the_search():
    assert found([when(0, 99)], [there(50)], replies=1, rounds=3).segment == Interval(0, 99)


def test_the_search_stays_inside_the_segment():
    focus = found([when(20, 69), when(0, 30), when(0, 99)], [there(0)], replies=1)
    assert focus.segment == Interval(20, 30)


def test_rounds_are_capped():
    focus = found([when(0, 89), when(0, 79)], [there(100)], replies=1, rounds=2)
    assert (focus.segment, focus.target) == (Interval(0, 79), 79)


def test_positions_far_from_the_others_are_left_out():
    says = [there(10), there(12), there(11), there(95)]
    assert found([], says, rounds=0, best=3).target == 11


def test_the_frame_may_be_chosen_without_asking():
    assert found([when(20, 30)], [], replies=1, target="first").target == 20
    by_lot = found([when(20, 30)], [], replies=1, target="random")
    assert by_lot.target in range(20, 31)
    assert by_lot == found([when(20, 30)], [], replies=1, target="random")


def test_an_image_is_not_asked_about():
    image = Task(id="i", question="Find it.", video=Video("i", length=1, width=64, height=64))
    assert asyncio.run(sampler().focus(image, saying([], []), 0)) == Focus(segment=Interval(0, 0), target=0)


def test_the_games_own_experts_lead_to_a_frame_that_shows_the_target():
    focus = asyncio.run(sampler(replies=1).focus(TASK, lambda task, rules, seed: rules.expert(task), 0))
    assert focus.segment == Interval(40, 51)
    assert focus.target == 41  # where it is largest first


def test_what_it_may_ask_has_an_answer_for_those_who_are_to_learn_it():
    asked = sampler().lessons(TASK)
    assert [rules.asked for _, rules in asked if isinstance(rules, Locate)] == ["interval", "position"]
    for task, rules in asked:
        episode = asyncio.run(play(task, rules, rules.expert(task)))
        assert episode.stop is Stop.ANSWERED
        assert set(BOXES) <= set(task.segment.frames)


def test_a_percentage_of_hundreds_of_digits_is_the_end_of_the_segment():
    assert [percentage(Answer(text=said)) for said in ("9" * 400, "25 %", "half")] == [100.0, 25.0, None]
