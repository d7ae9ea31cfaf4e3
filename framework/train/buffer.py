"""verl's replay buffers, which score what they give out: rewards are known where verl first asks for them.

TransferQueue ─▶ groups whose rewards agree? (algorithm.resample_settled) ─▶ a batch, scored and in order
                 └ scored first                                              └ scored
"""

from typing import Any

from transfer_queue import KVBatchMeta
from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer, ReplayBufferAsync

from framework.errors import TrainError
from framework.train.metrics import Metrics
from framework.train.scorer import Scorer
from framework.train.storage import group_of, some

POLL_S = 0.02
"""verl looks for finished episodes every two seconds, which is a whole step of a small model."""


class _Scored:
    """A buffer that scores what it gives out, and what it must judge before that."""

    scorer: Scorer
    filter_groups_metric: Any
    finished_keys: Any
    failure_keys: Any
    partitions: Any

    def sample(self, global_steps: int, partition_id: str, batch_size: int) -> tuple[KVBatchMeta, dict[str, Any]]:
        self.scorer.step = global_steps
        batch, metrics = super().sample(global_steps, partition_id, batch_size)  # pyright: ignore[reportAttributeAccessIssue]
        return batch, metrics | self.taken(batch)

    def taken(self, batch: KVBatchMeta) -> Metrics:
        """What a batch earned that is given out."""
        return self.scorer.take(batch)

    def _dapo_filtered_keys(self, partition_id: str) -> Any:
        """verl is about to look for groups whose rewards agree."""
        if partition_id == "train" and self.filter_groups_metric is not None:
            done, known = self.finished_keys[partition_id], self.scorer.earned
            if keys := [key for key in self.partitions[partition_id] if group_of(key) in done and key not in known]:
                self.scorer.score(some(keys, partition_id))
        return super()._dapo_filtered_keys(partition_id)  # pyright: ignore[reportAttributeAccessIssue]

    def _sampleable_terminal_keys(self, partition_id: str, eviction_reasons: Any) -> set[str]:
        """verl would go on with what is left of a group, or without it."""
        if lost := self.failure_keys[partition_id]:
            raise TrainError(f"{len(lost)} tasks could not be played to an end; logs/ says why")
        return super()._sampleable_terminal_keys(partition_id, eviction_reasons)  # pyright: ignore[reportAttributeAccessIssue]

    def _clear_groups(self, partition_id: str, uids: set[str]) -> None:
        super()._clear_groups(partition_id, uids)  # pyright: ignore[reportAttributeAccessIssue]
        self.scorer.forget(uids)


class Buffer(_Scored, ReplayBuffer):
    pass


class BufferAsync(_Scored, ReplayBufferAsync):
    pass


def scored(plain: ReplayBuffer, scorer: Scorer) -> ReplayBuffer:
    """A buffer that verl has set up, in a class that scores."""
    buffer = object.__new__(BufferAsync if isinstance(plain, ReplayBufferAsync) else Buffer)
    vars(buffer).update(vars(plain), scorer=scorer, poll_interval=POLL_S)
    return buffer
