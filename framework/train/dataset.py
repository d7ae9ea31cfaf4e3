"""The rows of a recipe's data: verl draws their numbers, and tasks are made of them where they are played.

Rows("train")[17] ─▶ {"split": "train", "index": 17, …} ─▶ verl ─▶ a player ─▶ Tasks.task("train", 17) ─▶ sound? ─▶ Task
                                                                 faulty: the run stops, or the next is played ◀─┘
"""

from functools import lru_cache
from itertools import chain
from typing import Any

from torch.utils.data import Dataset

from framework.errors import DataError
from framework.recipe import Data
from framework.rows import sound
from framework.train.run import Run
from framework.types import Task

REMEMBERED = 1024
"""Tasks that a process keeps: the episodes of a group play the same one."""


class Rows(Dataset[dict[str, Any]]):
    """verl makes one for `data.train_files` and one for `data.val_files`, which name the two halves of recipe.data."""

    def __init__(self, data_files: str, max_samples: int = -1, **_: Any) -> None:
        recipe = Run.here().recipe
        self.split, self.name = data_files, recipe.name
        there = Tasks(recipe.data).sources[data_files].size()
        self.size = there if max_samples < 0 else min(max_samples, there)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {
            "index": index,
            "split": self.split,
            "raw_prompt": f"{self.split} {index}",  # verl counts rows by it; prompts are written where they are played
            "data_source": self.name,
            "agent_name": "limner",
        }


class Tasks:
    """What rows stand for, each held to what a task promises before it is played."""

    def __init__(self, data: Data) -> None:
        self.sources = {"train": data.train, "eval": data.eval}
        self.skips = data.faulty == "skip"
        self.faulty: dict[tuple[str, int], DataError] = {}
        """Rows that were left out so far."""
        self.task = lru_cache(maxsize=REMEMBERED)(self._sound_from)

    def _sound_from(self, split: str, index: int) -> Task:
        """Of this row, or of the next one that can be played if the recipe leaves faulty rows out."""
        source = self.sources[split]
        for row in chain(range(index, source.size()), range(index)):
            if (split, row) in self.faulty:
                continue
            try:
                return sound(source, row)
            except DataError as error:
                if not self.skips:
                    raise
                if self.faulty.setdefault((split, row), error) is error:  # threads may have met it at once
                    print(f"left out: {error}", flush=True)
        raise DataError(f"data.{split}: all {source.size()} rows are faulty; the first: {self.faulty[split, 0]}")
