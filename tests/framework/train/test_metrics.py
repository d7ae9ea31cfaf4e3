from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from verl.trainer.ppo.v1.utils import MetricsAggregator

from framework.lab.world import World
from framework.train.metrics import measured, together
from framework.types import Broken, Episode, RewardBreakdown, Stop

TASK = World(count=1).task(0)
PLAYED = Episode(task=TASK, turns=(), stop=Stop.ANSWERED)
LOST = replace(PLAYED, stop=Stop.ERROR)
EARNED = RewardBreakdown(parts={"place": 1.0}, total=1.0)
NOTHING = RewardBreakdown(parts={}, failures={"place": Broken("no model")}, total=None)


def told(*pairs: tuple[Episode, RewardBreakdown], groups: Sequence[str] = ()) -> dict[str, float]:
    extras = [{"hashes": ["a", "b"], "stall_s": 0.01}] * len(pairs)
    episodes, earned = zip(*pairs, strict=True)
    return measured(episodes, earned, extras, groups or ["a"] * len(pairs))


def test_a_task_that_was_drawn_twice_may_be_settled_once():
    other = replace(EARNED, total=0.0)
    of = told((PLAYED, EARNED), (PLAYED, EARNED), (PLAYED, EARNED), (PLAYED, other), groups=["a", "a", "b", "b"])
    assert of["advantage/zero_groups"] == 0.5


def test_what_is_dropped_was_lost_by_the_env_or_is_unscored_and_never_both():
    of = told((PLAYED, EARNED), (LOST, NOTHING), (PLAYED, NOTHING), (PLAYED, NOTHING))
    assert (of["episodes/error"], of["episodes/unscored"], of["episodes/dropped"]) == (0.25, 0.5, 0.75)


def test_each_episode_ended_in_one_way():
    of = told((PLAYED, EARNED), (LOST, NOTHING), (PLAYED, NOTHING))
    assert sum(of[f"episodes/{stop.value}"] for stop in Stop) == pytest.approx(1)


BATCHES: list[dict[str, Any]] = [
    {"episodes/count": 4.0, "images/rolled_out": 12.0, "reward/maximum/mean": 1.0, "time/stall_s": 0.02, "actor/x": 1},
    {"episodes/count": 12.0, "images/rolled_out": 30.0, "reward/maximum/mean": 0.0, "time/stall_s": 0.01, "actor/x": 2},
]


def test_pictures_and_episodes_of_a_steps_batches_add_up():
    of = together([batch | {"images/trained": batch["images/rolled_out"]} for batch in BATCHES])
    assert (of["episodes/count"], of["images/rolled_out"], of["images/trained"]) == (16, 42, 42)


def test_rewards_of_a_steps_batches_are_averaged_over_episodes_whatever_their_names():
    assert together(BATCHES)["reward/maximum/mean"] == 0.25


def test_the_worst_of_a_steps_batches_is_told():
    of = together([batch | {"logprob_gap/max": batch["time/stall_s"]} for batch in BATCHES])
    assert (of["time/stall_s"], of["logprob_gap/max"]) == (0.02, 0.02)


def test_what_only_one_batch_was_asked_is_its_own():
    assert together([BATCHES[0] | {"canary/logprob_change": 0.5}, BATCHES[1]])["canary/logprob_change"] == 0.5


def test_what_verl_measures_is_left_to_verl():
    assert "actor/x" not in together(BATCHES)


def test_verl_would_average_counts_and_take_the_largest_of_what_is_called_so():
    theirs = MetricsAggregator()
    for batch in BATCHES:
        theirs.add_step_metrics(batch, sample_count=int(batch["episodes/count"]))
    of = theirs.get_aggregated_metrics()
    assert (of["images/rolled_out"], of["reward/maximum/mean"]) == (25.5, 1.0)
