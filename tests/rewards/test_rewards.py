import asyncio

import pytest
from pydantic.fields import FieldInfo

from envs.keyframes import Keyframes
from framework.policy import Scripted
from framework.reward import Reward
from framework.rollout import play
from framework.testing import check_reward
from framework.types import Episode, Task, Truth, Video
from framework.vision.boxes import Box, Interval
from rewards import REWARDS
from rewards.economy import TurnEconomy
from rewards.form import Answered, WellFormed

CLIP = Video("clip", length=10, width=100, height=100)
TASK = Task(
    id="t",
    question="Where?",
    video=CLIP,
    truth=Truth(
        present=tuple(3 <= frame <= 5 for frame in range(10)),
        boxes={frame: (Box(0, 0, 50, 50, CLIP.space(frame)),) for frame in (3, 4, 5)},
        interval=Interval(3, 5),
    ),
)
BLANK = Task(id="b", question="Where?", video=CLIP)


def said(*lines: str, task: Task = TASK) -> Episode:
    return asyncio.run(play(task, Keyframes(), Scripted(*lines)))


RIGHT = '<answer>{"start": 3, "end": 5, "keyframe": 4, "bbox_2d": [0, 0, 500, 500]}</answer>'
HALF = '<answer>{"start": 3, "end": 8, "keyframe": 4, "bbox_2d": [0, 0, 500, 250]}</answer>'
ELSEWHERE = '<answer>{"start": 0, "end": 2, "keyframe": 1, "bbox_2d": [0, 0, 500, 500]}</answer>'
SELECT = '<select>{"start": 3, "end": 5, "keyframe": 3}</select>'
ALL = [
    said(RIGHT),
    said(HALF),
    said(ELSEWHERE),
    said(SELECT),
    said("?"),
    said(SELECT, SELECT, "?"),
    said(RIGHT, task=BLANK),
]


WHOLE = {
    name: make() for name, make in REWARDS.items() if not any(map(FieldInfo.is_required, make.model_fields.values()))
}


@pytest.mark.parametrize("reward", WHOLE.values(), ids=WHOLE)
def test_every_reward_that_needs_no_settings_keeps_the_contract(reward: Reward) -> None:
    check_reward(reward, ALL)


def test_form_and_answer() -> None:
    episodes = [said(RIGHT), said("?"), said(SELECT)]
    assert WellFormed()(episodes) == [1.0, 0.0, 1.0]
    assert Answered()(episodes) == [1.0, 0.0, 0.0]


def test_turns_beyond_the_free_ones_cost() -> None:
    episodes = [said(RIGHT), said(SELECT, RIGHT), said(SELECT, SELECT, RIGHT), said(SELECT)]
    assert TurnEconomy(free=1, price=0.25)(episodes) == [1.0, 0.75, 0.5, 0.0]
