import asyncio

import pytest

from envs.keyframes import Keyframes
from framework.lab.world import World
from framework.policy import Scripted
from framework.rollout import play
from framework.rubric import Rubric
from framework.train.scorer import Scorer
from framework.training import Algorithm
from rewards.box import BoxIoU
from rewards.form import WellFormed


def test_a_part_that_is_not_alive_is_warned_of_once(capsys: pytest.CaptureFixture[str]) -> None:
    rules, rubric = Keyframes(), Rubric({"form": WellFormed(), "place": BoxIoU()})
    said = Scripted('<answer>{"keyframe": 0, "bbox_2d": [0.1, 0.1, 0.4, 0.4]}</answer>')
    episodes = [asyncio.run(play(World().task(index), rules, said)) for index in range(4)]
    scorer, keys = Scorer(rubric, Algorithm(group=2), rules), ["a_0_0", "a_1_0", "b_0_0", "b_1_0"]
    for _ in range(2):
        metrics = scorer.alive(episodes, rubric.score(episodes), keys)
        assert metrics["alive/place/settled"] == 1.0
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("WARNING: rewards.place: ")
