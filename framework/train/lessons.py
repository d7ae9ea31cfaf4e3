"""Hands verl's SFT trainer a conversation per row, as the tokens and patches that playing it would give."""

import ctypes
import os
import signal
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import torch
from torch.multiprocessing import reductions
from torch.utils.data import Dataset

from framework.data import conversations
from framework.drawing import told
from framework.reasoners.recital import recite
from framework.train.run import Run
from framework.train.sample import Sample
from framework.vision.frames import pixels

SMALL = 2**20
"""Bytes up to which a tensor comes from the loader's process as it is, and not in memory that both see: torch connects
the two once for each such tensor, or through a manager that gives up where the machine is busy."""

END_WITH_PARENT = 1
"""Linux' word for it: PR_SET_PDEATHSIG of prctl(2)."""


class Lessons(Dataset[dict[str, Any]]):
    """verl makes one for `data.train_files`. The tokenizer it offers is not asked: the reasoner's own voice speaks."""

    def __init__(self, parquet_files: str, max_samples: int = -1, **_: Any) -> None:
        recipe = Run.here().recipe
        self.voice, self.limits, self.draws = recipe.reasoner.voice(), recipe.rollout, recipe.drawing is not None
        rows = conversations.read(Path(parquet_files))
        self.rows = rows if max_samples < 0 else rows[:max_samples]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        tokens, pictures = recite(self.rows[index], self.voice, self.limits)
        sample = Sample.of(tokens, [pixels(picture) for picture in pictures], self.voice)
        return {
            "input_ids": torch.from_numpy(tokens.ids.copy()),
            "loss_mask": torch.from_numpy(tokens.mask.copy()),
            "position_ids": sample.positions,
            "multi_modal_inputs": sample.pictures,
            **({"sitting": told(self.rows[index])} if self.draws else {}),
        }


def carry_small() -> None:
    """Before a loader is made."""

    def sent(tensor: torch.Tensor) -> Any:
        small = tensor.nbytes <= SMALL
        return (torch.from_numpy, (tensor.numpy(),)) if small else reductions.reduce_tensor(tensor)

    ForkingPickler.register(torch.Tensor, sent)


def end_together() -> None:
    """Before a loader is made: its processes end when this one does, however it ends.

    Left behind, one waits forever to hand over its last batch, and holds the lock of the run.
    """
    prctl = ctypes.CDLL(None).prctl
    os.register_at_fork(after_in_child=lambda: prctl(END_WITH_PARENT, signal.SIGKILL))
