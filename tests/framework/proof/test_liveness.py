import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from envs.keyframes import Keyframes
from framework.lab.world import World
from framework.policy import Scripted
from framework.proof import liveness
from framework.reward import Reward
from framework.rollout import play
from framework.rubric import Rubric
from framework.types import Broken, Episode, Failure, Task
from framework.vision.boxes import Box, Interval
from rewards.box import BoxIoU
from rewards.form import WellFormed
from rewards.temporal import IntervalIoU, KeyframeHit

RULES = Keyframes(max_turns=1)
WORLD = World(level="moments", count=24)
TASKS = [WORLD.task(index) for index in range(8)]


class Gives(Reward):
    values: tuple[float | None, ...] = ()

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        return [Broken("the judge is down") if value is None else value for value in self.values]


class BrokenLine(Reward):
    """1 for a thought and an answer with a line break between them."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        return [float("</think>\n<answer>" in episode.turns[-1].said.text) for episode in episodes]


def played(say: Callable[[Task, Box], str], tasks: Sequence[Task] = TASKS) -> list[Episode]:
    """Everyone knows frame and box, and says them in this way."""

    async def all_of_them() -> list[Episode]:
        return [await play(task, RULES, Scripted(say(task, task.truth.boxes[key(task)][0]))) for task in tasks]

    return asyncio.run(all_of_them())


def key(task: Task) -> int:
    return min(task.truth.boxes)


def answered(task: Task, corners: Sequence[float], **more: object) -> str:
    return f"<answer>{json.dumps({'keyframe': key(task), 'bbox_2d': list(corners), **more})}</answer>"


def warned(reward: Reward, episodes: Sequence[Episode]) -> str:
    rubric = Rubric({"part": reward})
    groups = [str(place // 2) for place in range(len(episodes))]
    return liveness.warnings(rubric.rewards, episodes, rubric.score(episodes), groups, RULES).get("part", "")


def fractions(task: Task, box: Box) -> str:
    return answered(task, [corner / task.video.width for corner in box.corners])


def pixels(task: Task, box: Box) -> str:
    return answered(task, box.corners)


def right(task: Task, box: Box) -> str:
    return answered(task, box.to(box.space.counted_in(1000, 1000)).corners)


@pytest.mark.parametrize(
    ("say", "cause"),
    [
        (fractions, "with places read as fractions of the picture it would be 1.00"),
        (pixels, "with places read as original pixels it would be 1.00"),
        (lambda task, box: right(task, box).replace("answer>", "Answer>"), "with tags in small letters"),
        (lambda task, box: right(task, box).replace("answer>", "final>"), "with <final> read as <answer>"),
        (
            lambda task, box: right(task, box).replace("{", "```json\n{").replace("}", "}\n```"),
            "with code fences left out",
        ),
    ],
)
def test_where_boxes_earn_nothing_the_likely_cause_is_said(say: Callable[[Task, Box], str], cause: str) -> None:
    assert cause in warned(BoxIoU(), played(say))


def test_a_truth_in_other_units_is_told() -> None:
    thousandths = [_retold(episode) for episode in played(right)]
    assert "with true places read as 0–1000 over the frame it would be" in warned(BoxIoU(), thousandths)


def _retold(episode: Episode) -> Episode:
    """The same, had the data said 0–1000 where original pixels are promised."""
    truth, video = episode.task.truth, episode.task.video
    boxes = {
        frame: tuple(Box(*box.to(box.space.counted_in(1000, 1000)).corners, space=video.space(frame)) for box in there)
        for frame, there in truth.boxes.items()
    }
    return replace(episode, task=replace(episode.task, truth=replace(truth, boxes=boxes)))


def test_frames_counted_from_one_are_told() -> None:
    tasks = [replace(task, truth=replace(task.truth, present=_only(task))) for task in TASKS]
    episodes = played(
        lambda task, box: answered(task, [0, 0, 9, 9]).replace(f": {key(task)},", f": {key(task) + 1},"), tasks
    )
    assert "with frames counted from 1 it would be 1.00" in warned(KeyframeHit(), episodes)


def _only(task: Task) -> tuple[bool, ...]:
    return tuple(frame == key(task) for frame in range(task.video.length))


def test_seconds_said_for_frames_are_told() -> None:
    tasks = [
        replace(
            task,
            video=replace(task.video, fps=4.0),
            truth=replace(task.truth, interval=Interval(6, 7)),
        )
        for task in TASKS
    ]
    episodes = played(lambda task, box: answered(task, [0, 0, 9, 9], start=1, end=2), tasks)
    assert "with intervals read in seconds" in warned(IntervalIoU(), episodes)


def test_a_line_break_that_a_pattern_wants_is_told() -> None:
    episodes = played(lambda task, box: f"<think>there</think>{right(task, box)}")
    assert "always 0: with a line break after </think> it would be 1.00" in warned(BrokenLine(), episodes)


def test_what_is_alive_is_left_in_peace() -> None:
    say = [right, fractions]
    episodes = [each for place, task in enumerate(TASKS) for each in played(say[place % 2], [task])]
    assert warned(BoxIoU(), episodes) == ""


def test_a_part_that_all_have_mastered_is_no_warning_but_a_verdict() -> None:
    episodes = played(right)
    assert warned(WellFormed(), episodes) == ""
    rubric = Rubric({"form": WellFormed()})
    [vital] = liveness.vitals(["form"], episodes, rubric.score(episodes), ["a"] * len(episodes)).values()
    assert (vital.constant, vital.zero, vital.top, vital.settled) == (True, False, 1.0, 1.0)
    assert liveness.verdict(vital) == "constant: always 1, it teaches nothing here"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0.0, 1.0, None, 0.5), "broken for 25%: the judge is down"),
        ((0.0, 1.0, float("nan"), 0.5), "broken for 25%: the reward gave nan"),
        ((0.0, 0.0, 1.0, 1.0), "agrees within every group: it teaches nothing here"),
        ((0.0, 0.0, 0.0, 0.0), "always 0"),
    ],
)
def test_each_ailment_has_its_words(values: tuple[float | None, ...], said: str) -> None:
    assert warned(Gives.model_construct(values=values), played(right, TASKS[:4])) == f"rewards.part: {said}"


def test_a_reward_that_follows_length_is_told() -> None:
    episodes = played(lambda task, box: right(task, box) + "x" * (10 * TASKS.index(task)))
    values = tuple(len(episode.turns[0].said.text) / 1000 + 0.1 for episode in episodes)
    assert "follows length: r = 1.00" in warned(Gives(values=values), episodes)
    counted = [
        replace(each, turns=(replace(each.turns[0], said=replace(each.turns[0].said, tokens=7)),)) for each in episodes
    ]
    assert warned(Gives(values=values), counted) == ""


def test_a_condition_that_never_holds_is_told() -> None:
    rubric = Rubric({"form": WellFormed(), "place": BoxIoU(only_if={"form": 2.0})})
    episodes = played(right)
    told = liveness.warnings(rubric.rewards, episodes, rubric.score(episodes), ["a"] * len(episodes))
    assert told == {"place": "rewards.place: never counts: form is never 2 or more (only_if)"}


def test_a_task_that_has_nothing_to_measure_is_told() -> None:
    tasks = [replace(task, truth=replace(task.truth, interval=None)) for task in TASKS]
    episodes = [replace(episode, task=task) for episode, task in zip(played(right), tasks, strict=True)]
    assert warned(IntervalIoU(), episodes) == "rewards.part: never given: the task has no true interval"


def test_metrics_are_few_and_finite() -> None:
    episodes = played(right)
    rubric = Rubric({"form": WellFormed(), "place": BoxIoU()})
    found = liveness.vitals(list(rubric.rewards), episodes, rubric.score(episodes), ["a"] * 4 + ["b"] * 4)
    told = liveness.metrics(found, episodes)
    assert set(told) >= {"alive/unreadable", "alive/form/failed", "alive/form/settled", "alive/form/top"}
    assert told["alive/form/top"] == 1.0
    assert told["alive/unreadable"] == 0.0
