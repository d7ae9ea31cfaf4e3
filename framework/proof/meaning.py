"""The same episode with another meaning: places and times of its answers, or of its truth, as they may be meant.

    said (0.2, 0.3, 0.5, 0.6) in 0–1000     places(counted(1, 1))     the same numbers as fractions of the picture

The pictures and the text of the replies stay as they are; only what was read of them changes.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from framework.types import Answer, Episode, Item, Parsed, Select, Task
from framework.vision.boxes import Box, Interval, Point, Space

P = TypeVar("P", Box, Point)
Numbers = tuple[float, ...]
Change = Callable[[Space, Numbers, Task], tuple[Space, Numbers]]
"""A place's space and its two or four numbers, and the same otherwise."""


def places(change: Change) -> Callable[[Episode], Episode]:
    """Makes an episode in which every answered box and point is changed."""

    def again(episode: Episode) -> Episode:
        def act(parsed: Parsed) -> Parsed:
            return placed(parsed, change, episode.task) if isinstance(parsed, Answer) else parsed

        return acts(act)(episode)

    return again


def placed(answer: Answer, change: Change, task: Task) -> Answer:
    """An answer whose boxes and points are changed."""

    def box(said: Box) -> Box:
        space, (x0, y0, x1, y1) = change(said.space, said.corners, task)
        return Box(x0, y0, x1, y1, space)

    def point(said: Point) -> Point:
        space, (x, y) = change(said.space, (said.x, said.y), task)
        return Point(x, y, space)

    return replace(answer, items=tuple(with_places(item, box, point) for item in answer.items))


def with_places(item: Item, box: Callable[[Box], Box], point: Callable[[Point], Point]) -> Item:
    """An answered object after its box and its points went through these functions."""
    return Item(
        box=box(item.box) if item.box else None,
        point=point(item.point) if item.point else None,
        negatives=tuple(point(each) for each in item.negatives),
    )


def acts(change: Callable[[Parsed], Parsed]) -> Callable[[Episode], Episode]:
    """Makes an episode in which what each reply meant is changed."""

    def again(episode: Episode) -> Episode:
        turns = [replace(turn, said=replace(turn.said, parsed=change(turn.said.parsed))) for turn in episode.turns]
        return replace(episode, turns=tuple(turns))

    return again


def counted(wide: float, high: float) -> Change:
    """The numbers as they are, counted from 0 to `wide` and `high` over the picture."""

    def change(space: Space, numbers: Numbers, task: Task) -> tuple[Space, Numbers]:
        return space.counted_in(wide, high), numbers

    return change


def in_pixels(space: Space, numbers: Numbers, task: Task) -> tuple[Space, Numbers]:
    """The numbers as original pixels of the frame."""
    return space.counted_in(task.video.width, task.video.height), numbers


def swapped(space: Space, numbers: Numbers, task: Task) -> tuple[Space, Numbers]:
    """Each pair of numbers as y, x."""
    pairs = zip(numbers[1::2], numbers[::2], strict=True)
    return space, tuple(number for pair in pairs for number in pair)


def sized(space: Space, numbers: Numbers, task: Task) -> tuple[Space, Numbers]:
    """A box's numbers as x, y, width, height."""
    if len(numbers) != 4:
        return space, numbers
    x, y, wide, high = numbers
    return space, (x, y, x + wide, y + high)


def truly(units: float, fits: Callable[[float, float], bool]) -> Callable[[Episode], Episode]:
    """Makes an episode in which the truth's boxes and points are counted from 0 to `units` over the frame.

    Only where that is likely: `fits` says so, given the greatest coordinate of a true box and the frame's longer side.
    """

    def again(episode: Episode) -> Episode:
        task, truth = episode.task, episode.task.truth
        corners = [corner for there in truth.boxes.values() for box in there for corner in box.corners]
        if not corners or not fits(max(corners), max(task.video.width, task.video.height)):
            return episode
        spaces = {frame: task.video.space(frame) for frame in (*truth.boxes, *truth.points)}

        def meant(frame: int, there: tuple[P, ...]) -> tuple[P, ...]:
            counted = spaces[frame].counted_in(units, units)
            return tuple(replace(place, space=counted).to(spaces[frame]) for place in there)

        boxes = {frame: meant(frame, there) for frame, there in truth.boxes.items()}
        points = {frame: meant(frame, there) for frame, there in truth.points.items()}
        return replace(episode, task=replace(task, truth=replace(truth, boxes=boxes, points=points)))

    return again


# ---- times -----------------------------------------------------------------------------------------------------------


def from_one(episode: Episode) -> Episode:
    """The episode, had its frames been counted from 1: all that it names are one earlier."""

    def earlier(parsed: Parsed) -> Parsed:
        match parsed:
            case Select(interval, keyframe):
                return Select(_moved(interval), max(keyframe - 1, 0))
            case Answer(interval=interval, keyframe=keyframe):
                named = None if keyframe is None else max(keyframe - 1, 0)
                there = parsed if named is None else placed(parsed, _on(named), episode.task)
                return replace(there, interval=interval and _moved(interval), keyframe=named)
            case _:
                return parsed

    return acts(earlier)(episode)


def _on(frame: int) -> Change:
    """The same place on another frame."""

    def change(space: Space, numbers: Numbers, task: Task) -> tuple[Space, Numbers]:
        return replace(space, picture=task.video.space(frame).picture), numbers

    return change


def _moved(interval: Interval) -> Interval:
    return replace(interval, start=max(interval.start - 1, 0), end=max(interval.end - 1, 0))


def in_seconds(episode: Episode) -> Episode:
    """The episode, had its intervals been said in seconds."""
    video = episode.task.video

    def frames(interval: Interval) -> Interval:
        there = Interval(interval.start, interval.end, "second").in_frames(video.fps)
        return Interval(min(there.start, video.length - 1), min(there.end, video.length - 1))

    def timed(parsed: Parsed) -> Parsed:
        if isinstance(parsed, Select | Answer) and parsed.interval and video.fps not in (None, 1):
            return replace(parsed, interval=frames(parsed.interval))
        return parsed

    return acts(timed)(episode)
