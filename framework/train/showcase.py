"""A few groups of training, kept whole with their advantages, so that one can see what is being learned from.

first step, each checkpoint ─▶ the groups whose rewards differ most ─▶ run/train/episodes.jsonl, frames/

It speaks of training and must never end it.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from transfer_queue import KVBatchMeta

from framework.errors import LimnerError
from framework.record import Record, read
from framework.train.scorer import Scored
from framework.train.storage import column, group_of, some

GROUPS = 2
"""So many of a step."""
FOLDER = "train"


class Showcase:
    """Writes the groups of some steps."""

    def __init__(self, run: Path, every: int, last: int) -> None:
        self.folder, self.every, self.last = run / FOLDER, every, last
        self.warned = False

    def keep(self, step: int, batch: KVBatchMeta, scored: Sequence[Scored]) -> None:
        """Keep what a step's groups tell, if it is one of those. `scored` is the batch in any order."""
        if step not in (1, self.last) and step % self.every:
            return
        try:
            if step == 1:
                Record(self.folder, fresh=True)
            self._add(f"rl step {step}", batch, scored)
        except LimnerError as error:
            if not self.warned:
                print(f"WARNING: not all groups of step {step} are kept for the report: {error}", flush=True)
            self.warned = True

    def _add(self, stage: str, batch: KVBatchMeta, scored: Sequence[Scored]) -> None:
        if stage in self._told:  # a run that was cut off draws and learns the same again
            return
        self._told.add(stage)
        for group in telling(scored):
            advantages = _advantages(batch, [each.key for each in group])
            for each, advantage in zip(group, advantages, strict=True):
                self._record.add(each.episode, each.earned, policy="rl", stage=stage, advantage=advantage)

    @cached_property
    def _record(self) -> Record:
        return Record(self.folder)

    @cached_property
    def _told(self) -> set[str]:
        """Stages that are kept already."""
        return {entry.stage for entry in read(self._record.folder).entries}


def telling(scored: Sequence[Scored]) -> list[list[Scored]]:
    """The groups whose rewards differ most; those alike in the order of their tasks."""
    groups: dict[str, list[Scored]] = defaultdict(list)
    for each in sorted(scored, key=lambda each: (each.episode.task.id, each.key)):
        groups[group_of(each.key)].append(each)
    return sorted(groups.values(), key=_spread, reverse=True)[:GROUPS]


def _spread(group: Sequence[Scored]) -> float:
    totals = [each.earned.total for each in group if each.earned.total is not None]
    return float(np.std(totals)) if totals else 0.0


def _advantages(batch: KVBatchMeta, keys: list[str]) -> list[float | None]:
    """What verl multiplies each episode's tokens with; None where nothing of it is learned from."""
    few = some(keys, batch.partition_id)
    said = [mask.bool() for mask in column(few, "response_mask")]
    rows = zip(column(few, "advantages"), said, strict=True)
    return [float(row[mask].mean()) if mask.any() else None for row, mask in rows]
