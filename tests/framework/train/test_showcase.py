from pathlib import Path

import pytest
from transfer_queue import KVBatchMeta

from framework.lab.world import World
from framework.train.scorer import Scored
from framework.train.showcase import Showcase, telling
from framework.types import Episode, RewardBreakdown, Stop

WORLD = World(count=4)


def group(task: int, *totals: float | None) -> list[Scored]:
    episode = Episode(task=WORLD.task(task), turns=(), stop=Stop.ANSWERED)
    return [
        Scored(f"uid{task}_{place}_0", episode, RewardBreakdown(parts={}, total=total))
        for place, total in enumerate(totals)
    ]


def test_groups_tell_most_whose_rewards_differ_most() -> None:
    agreed, apart, near, lost = group(0, 1, 1), group(1, 0, 1), group(2, 0.4, 0.6), group(3, None, None)
    assert telling([*agreed, *near, *lost, *apart]) == [apart, near]


def test_the_order_of_a_batch_does_not_matter() -> None:
    batch = [*group(0, 0, 1), *group(1, 0, 1), *group(2, 0, 1)]
    assert telling(batch[::-1]) == telling(batch) == [group(0, 0, 1), group(1, 0, 1)]


def test_what_cannot_be_kept_is_said_once_and_training_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train").write_text("a file stands where the folder should")
    showcase = Showcase(tmp_path, every=2, last=9)
    for step in range(1, 10):
        showcase.keep(step, KVBatchMeta(keys=[], tags=[], partition_id="train"), group(0, 0, 1))
    assert capsys.readouterr().out.count("WARNING: not all groups of step 1 are kept") == 1
