from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from envs.single_turn import SingleTurn
from envs.target import Target, aimed
from framework.env import Rules, expert_of
from framework.lab.world import World
from framework.testing import check_env
from framework.types import Answer, Episode, Focus, Item, Role, Task, Truth
from framework.vision import masks
from framework.vision.boxes import Interval
from framework.vision.plan import Look
from rewards.box import BoxIoU
from rewards.matching import Matched
from rewards.segmented import SegmentedIoU

RULES = Target(references=Look(frames=3), segment=Look(frames=2))


def focused(level: str = "moments", number: int = 0) -> Task:
    task = World(level=level, count=50).task(number)
    target = min(task.truth.boxes)
    focus = Focus(segment=Interval(target, target + 1), target=target)
    return Task(id=task.id, question=task.question, video=task.video, truth=task.truth, focus=focus)


def item(episode: Episode) -> Item:
    assert episode.answer
    return episode.answer.items[0]


def test_references_come_first_then_the_segment_then_the_target_frame():
    task = focused()
    [turn] = check_env(RULES, task).turns
    shown = [(picture.role, picture.frame) for picture in turn.seen.pictures]
    segment = [(Role.INTERVAL, int(frame)) for frame in task.segment.frames]
    assert shown[:3] == [(Role.REFERENCE, 0), (Role.REFERENCE, 3), (Role.REFERENCE, 7)]
    assert shown[3:] == [*segment, (Role.TARGET, aimed(task))]


def test_positions_are_said_of_the_target_frame():
    task = focused()
    box = item(check_env(RULES, task)).box
    assert box
    assert box.iou(task.truth.boxes[aimed(task)][0]) > 0.9


@pytest.mark.parametrize("number", range(20))
def test_the_experts_points_lie_on_the_object_and_beside_it(number: int):
    task = focused(number=number)
    said = item(check_env(RULES, task))
    dense: Any = masks.decode(task.truth.masks[aimed(task)])
    assert said.point
    [beside] = said.negatives
    inner, off = (point.to(point.space.original()) for point in (said.point, beside))
    assert dense[int(inner.y), int(inner.x)]
    assert not dense[int(off.y), int(off.x)]
    assert np.abs(np.argwhere(dense) + 0.5 - (off.y, off.x)).sum(1).min() < 3


@pytest.mark.parametrize("rules", [RULES, SingleTurn()], ids=["target", "single_turn"])
def test_where_it_is_known_that_nothing_is_there_the_expert_says_so(rules: Rules):
    task = focused()
    empty = masks.encode(np.zeros((task.video.height, task.video.width), bool))
    blank = Truth(present=(False,) * task.video.length, masks={3: empty})
    episode = check_env(rules, replace(task, truth=blank))
    assert episode.turns[-1].said.text.endswith("<answer>[]</answer>")
    assert episode.answer == Answer()
    reward = SegmentedIoU(), Matched(of={"iou": BoxIoU()})
    assert [each([episode]) for each in reward] == [[1.0], [1.0]]


@pytest.mark.parametrize("rules", [RULES, SingleTurn()], ids=["target", "single_turn"])
@pytest.mark.parametrize("truth", [Truth(), Truth(present=(True,) * 8), Truth(interval=Interval(1, 2))])
def test_where_nobody_knows_what_is_there_no_expert_answers(rules: Rules, truth: Truth):
    assert expert_of(rules, replace(focused(), truth=truth)) is None


def test_a_target_frame_that_nobody_annotated_is_not_taught_as_empty():
    task = focused()
    seen = min(task.truth.boxes)
    truth = replace(task.truth, boxes={seen: task.truth.boxes[seen]}, masks={seen: task.truth.masks[seen]})
    other = replace(task, truth=replace(truth, present=(True,) * 8), focus=Focus(segment=Interval(0, 7), target=7))
    assert expert_of(RULES, other) is None


def test_a_target_frame_without_the_target_is_answered_by_nothing():
    task = focused()
    empty = next(frame for frame in range(task.video.length) if frame not in task.truth.boxes)
    aside = Task(
        id=task.id,
        question=task.question,
        video=task.video,
        truth=task.truth,
        focus=Focus(segment=Interval(empty, empty), target=empty),
    )
    episode = check_env(RULES, aside)
    assert episode.answer
    assert not episode.answer.items


def test_without_a_focus_the_middle_of_the_clip_is_the_target():
    task = World(level="moments", count=1).task(0)
    shown = check_env(RULES, task).turns[0].seen.pictures
    assert shown[-1].frame == task.video.length // 2
