import asyncio
from collections.abc import Sequence

import pytest
import torch
from transfer_queue import KVBatchMeta

from envs.keyframes import Keyframes
from framework.errors import TrainError
from framework.lab.world import World
from framework.policy import Scripted
from framework.record import to_json
from framework.reward import Reward, TurnReward
from framework.rollout import play
from framework.rubric import Rubric
from framework.train.buffer import Buffer
from framework.train.scorer import Scorer
from framework.training import Algorithm
from framework.types import Episode, RewardBreakdown
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


class Faint(Reward):
    """Hardly ever pays, and no other reading of an episode would change that."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        asked.append(len(episodes))
        return [0.01 * (number % 2) for number, _ in enumerate(episodes)]


asked: list[int] = []


def test_why_a_part_hardly_pays_is_asked_once() -> None:
    rules, rubric = Keyframes(), Rubric({"faint": Faint()})
    said = Scripted('<answer>{"keyframe": 0, "bbox_2d": [0.1, 0.1, 0.4, 0.4]}</answer>')
    episodes = [asyncio.run(play(World().task(index), rules, said)) for index in range(4)]
    scorer, keys = Scorer(rubric, Algorithm(group=2), rules), ["a_0_0", "a_1_0", "b_0_0", "b_1_0"]
    earned = rubric.score(episodes)
    spent = []
    for _ in range(3):
        asked.clear()
        scorer.alive(episodes, earned, keys)
        spent.append(sum(asked))
    assert spent[0] > 0
    assert spent[1:] == [0, 0]


def test_episodes_of_a_group_have_one_truth() -> None:
    rules, said = Keyframes(), Scripted('<answer>{"keyframe": 0, "bbox_2d": [0.1, 0.1, 0.4, 0.4]}</answer>')
    played = [asyncio.run(play(World().task(index), rules, said)) for index in (0, 0, 1)]
    batch = KVBatchMeta(keys=["a_0_0", "a_1_0", "b_0_0"], tags=[{}] * 3, partition_id="train")
    extras = [{"episode": to_json(episode)} for episode in played]
    found = Scorer(Rubric({"form": WellFormed()}), Algorithm()).episodes(batch, extras)
    assert found == played
    assert found[0].task is found[1].task


class Shares(TurnReward):
    def of_turns(self, episodes: Sequence[Episode]) -> list[tuple[float, ...]]:
        raise NotImplementedError


def test_episodes_that_earn_the_same_turn_by_turn_earn_the_same() -> None:
    scorer = Scorer(Rubric({"looks": Shares(paid="turn")}), Algorithm())
    mask, lots = torch.tensor([0, 1, 1, 0, 1, 1, 1, 0, 1]), torch.Generator().manual_seed(0)
    for total in (1.0, 3.5, 8.0):
        first, second = torch.rand(2, 64, generator=lots, dtype=torch.float64)
        turns = [
            (total * a, total * b, total * (1 - a - b)) for a, b in zip(first.tolist(), second.tolist(), strict=True)
        ]
        earned = [RewardBreakdown(parts={}, total=total, turns={"looks": each}) for each in turns]
        assert {scorer._row(mask, each, total)["rm_scores"].sum().item() for each in earned} == {total}  # pyright: ignore[reportPrivateUsage]


def test_a_task_that_could_not_be_played_ends_the_run() -> None:
    buffer = object.__new__(Buffer)
    buffer.failure_keys = {"train": {"a", "b"}}
    with pytest.raises(TrainError, match="2 tasks could not be played to an end"):
        buffer._sampleable_terminal_keys("train", (set(), set(), set(), None))  # pyright: ignore[reportPrivateUsage]
