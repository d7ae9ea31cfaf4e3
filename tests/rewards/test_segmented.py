from dataclasses import replace

import pytest

from framework.config import typed
from framework.errors import ConfigError
from framework.lab.world import World
from framework.recipe import find_recipe
from framework.testing import check_reward
from framework.types import (
    Action,
    Answer,
    Broken,
    Episode,
    Item,
    Malformed,
    NotApplicable,
    Observation,
    Stop,
    Task,
    Truth,
    Turn,
)
from framework.vision import masks
from framework.vision.boxes import Box
from framework.vision.colour import ColorFlood
from rewards.segmented import SegmentedIoU

TASKS = [World(level="moments", split="eval", count=6).task(index) for index in range(6)]
FLOOD = SegmentedIoU(segmenter=ColorFlood())


def answered(task: Task, answer: Answer | Malformed) -> Episode:
    said = Action("", answer)
    return Episode(task=task, turns=(Turn(Observation(("Where?",)), said),), stop=Stop.ANSWERED)


def keyframe(task: Task) -> int:
    return max(task.truth.masks, key=lambda frame: masks.area(task.truth.masks[frame]))


def by_box(task: Task, frame: int | None = None) -> Episode:
    """The true box of the largest view, said of this frame."""
    best = keyframe(task)
    frame = best if frame is None else frame
    box = replace(task.truth.boxes[best][0], space=task.video.space(frame))
    return answered(task, Answer(items=(Item(box=box),), keyframe=frame))


def test_the_mask_of_what_was_answered_is_compared():
    filled = SegmentedIoU()([by_box(task) for task in TASKS])
    flooded = FLOOD([by_box(task) for task in TASKS])
    boxes = [masks.box(task.truth.masks[keyframe(task)], task.video.space(0)) for task in TASKS]
    areas = [masks.area(task.truth.masks[keyframe(task)]) for task in TASKS]
    assert filled == pytest.approx([area / box.area for area, box in zip(areas, boxes, strict=True) if box])
    assert flooded == [1.0] * 6


def test_points_on_and_beside_the_object_are_prompts_too():
    task = TASKS[0]
    frame, other = keyframe(task), task.truth.points[keyframe(task)][0]
    right = Item(point=other)
    assert FLOOD([answered(task, Answer(items=(right,), keyframe=frame))]) == [1.0]
    wrong = Item(point=other, negatives=(other,))
    assert FLOOD([answered(task, Answer(items=(wrong,), keyframe=frame))]) == [0.0]


def test_several_objects_are_joined():
    task = TASKS[0]
    frame = keyframe(task)
    box = task.truth.boxes[frame][0]
    halves = (replace(box, x1=box.centre.x), replace(box, x0=box.centre.x))
    whole, joined = (
        SegmentedIoU()([answered(task, Answer(items=tuple(Item(box=each) for each in several), keyframe=frame))])
        for several in ((box,), halves)
    )
    assert whole == joined


@pytest.mark.parametrize("measure", ["iou", "contour", "j_and_f"])
def test_each_measure_keeps_its_promises(measure: str):
    reward = typed(SegmentedIoU, {"segmenter": "color_flood", "measure": measure})
    [absent] = [frame for frame in range(8) if not TASKS[1].truth.present[frame]][:1]
    played = [by_box(task) for task in TASKS] + [by_box(TASKS[1], absent)]
    assert check_reward(reward, played, 0, 1) == [1.0] * 6 + [0.0]


@pytest.mark.parametrize("measure", ["iou", "contour", "j_and_f"])
def test_it_does_not_pay_to_answer_nothing_where_the_target_is_not(measure: str):
    away = TASKS[1].truth.present.index(False)
    point = Box(9, 9, 9, 9, TASKS[1].video.space(away))
    nothing = answered(TASKS[1], Answer(items=(Item(box=point),), keyframe=away))
    assert typed(SegmentedIoU, {"measure": measure})([nothing]) == [0.0]


@pytest.mark.parametrize("measure", ["iou", "contour", "j_and_f"])
def test_to_say_nothing_is_right_only_where_the_target_is_nowhere(measure: str):
    reward, task = typed(SegmentedIoU, {"measure": measure}), TASKS[1]
    blank = replace(task, truth=Truth(present=(False,) * 8))
    away = answered(task, Answer(keyframe=task.truth.present.index(False)))
    played = [answered(blank, Answer()), by_box(task), answered(task, Answer()), away]
    played[1] = replace(played[1], task=blank)
    assert reward(played) == [1.0, 0.0, 0.0, 0.0]


def test_what_has_no_number_says_why():
    task = TASKS[0]
    unknown = replace(task, truth=replace(task.truth, masks={}, present=(True,) * 8))
    point = Item(point=task.truth.points[keyframe(task)][0])
    assert SegmentedIoU()(
        [
            answered(replace(task, truth=Truth()), Answer()),
            replace(by_box(task), task=unknown),
            answered(task, Malformed("?")),
            answered(task, Answer(text="there")),
            answered(task, Answer(items=(point,), keyframe=keyframe(task))),
        ]
    ) == [
        NotApplicable("the task has no true mask"),
        NotApplicable("the task has no true mask"),
        Malformed("nothing was answered"),
        Malformed("the answer has no box"),
        Malformed("the answer has no box"),
    ]


def test_frames_that_cannot_be_read_are_broken_and_never_a_number():
    task = TASKS[0]
    gone = replace(task, video=replace(task.video, source="/nowhere/clip.mp4"))
    broken, good = FLOOD([by_box(gone), by_box(task)])
    assert isinstance(broken, Broken)
    assert "/nowhere/clip.mp4" in broken.reason
    assert good == 1.0


def test_a_recipe_names_its_segmenter_once_and_hands_it_on():
    recipe = find_recipe(
        "quickstart",
        [
            "segmenter={use: color_flood, tolerance: 20}",
            "propagator=color_track",
            "rewards.mask={use: segmented_iou, segmenter: '${segmenter}'}",
        ],
    )
    assert recipe.segmenter == ColorFlood(tolerance=20)
    assert recipe.rewards["mask"] == SegmentedIoU(segmenter=ColorFlood(tolerance=20))
    plain = typed(type(recipe), recipe.model_dump(mode="json"))
    assert plain == recipe
    assert find_recipe("quickstart", ["segmenter=null"]).segmenter is None
    with pytest.raises(ConfigError, match=r"segmenter\.use: no segmenter 'colour_flood'; did you mean 'color_flood'\?"):
        find_recipe("quickstart", ["segmenter=colour_flood"])
