"""Hands verl a row per task, straight from the recipe's source: no file in between, no pixels."""

from typing import Any

from torch.utils.data import Dataset

from framework.errors import DataError
from framework.rows import sound
from framework.train.run import Run


class Rows(Dataset[dict[str, Any]]):
    """verl makes one for `data.train_files` and one for `data.val_files`, which name the two halves of recipe.data."""

    def __init__(self, data_files: str, max_samples: int = -1, **_: Any) -> None:
        recipe = Run.here().recipe
        self.split = data_files
        self.name = recipe.name
        self.source = recipe.data.train if data_files == "train" else recipe.data.eval
        self.skips = recipe.data.faulty == "skip"
        self.size = self.source.size() if max_samples < 0 else min(max_samples, self.source.size())
        self.faulty: dict[int, DataError] = {}
        """Rows that were left out so far."""

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> dict[str, Any]:
        row = self._sound_from(index)
        return {
            "index": row,
            "split": self.split,
            "raw_prompt": f"{self.split} {row}",  # verl counts rows by it; prompts are written where they are played
            "data_source": self.name,
            "agent_name": "limner",
        }

    def _sound_from(self, index: int) -> int:
        """This row, or the next one that can be played if the recipe leaves faulty rows out."""
        for row in (*range(index, self.size), *range(index)):
            if row in self.faulty:
                continue
            try:
                sound(self.source, row)
                return row
            except DataError as error:
                if not self.skips:
                    raise
                self.faulty[row] = error
                print(f"left out: {error}", flush=True)
        raise DataError(f"data.{self.split}: all {self.size} rows are faulty; the first: {self.faulty[0]}")
