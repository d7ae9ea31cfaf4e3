"""An engine whose policy draws, put to the question: alone, and as four ranks that hold a row each. Without Ray."""

import json
import math
import os
import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from drawing import learned
from questions import Told, apart
from torch import distributed

import framework.train.engines  # noqa: F401  # takes the place of verl's
from framework.train.bench.easel import inferred, with_old
from framework.train.run import VARIABLE, Run

RANKS = 4


def of_ranks(run: Run, rank: int, world: int, folder: Path) -> None:
    """Loss and gradients of the same four rows, on so many ranks."""
    store = distributed.FileStore(str(folder / f"store_{world}"), world)  # pyright: ignore[reportPrivateImportUsage]
    distributed.init_process_group("cpu:gloo", store=store, rank=rank, world_size=world)
    told = Told(run)
    told.set(share=1.0)
    mine = told.some[rank::world]
    kept = with_old(mine, inferred(told.engine, mine, draw=True, micro_batch_size_per_gpu=1))
    loss, slopes, _ = learned(
        told.engine, told.loss, kept, micro_batch_size_per_gpu=1, global_batch_size=len(told.some)
    )
    total = torch.tensor(loss)
    distributed.all_reduce(total)
    if rank == 0:
        torch.save({"loss": float(total) / world, "slopes": slopes}, folder / f"ranks_{world}.pt")
    distributed.destroy_process_group()


def alone(run: Run, out: Path) -> None:
    store: Any = distributed.HashStore()  # pyright: ignore[reportPrivateImportUsage]
    distributed.init_process_group("cpu:gloo", store=store, rank=0, world_size=1)
    told = Told(run)
    out.write_text(json.dumps(told.kept() if told.adapted else told.all()))
    distributed.destroy_process_group()


def forked(*jobs: tuple[Callable[..., None], tuple[Any, ...]]) -> None:
    """Processes that need not import all this again."""
    made = [get_context("fork").Process(target=work, args=args) for work, args in jobs]
    for each in made:
        each.start()
    for each in made:
        each.join()
        assert each.exitcode == 0


def main() -> None:
    run, folder = Run.here(), Path(sys.argv[1]).parent
    forked((alone, (run, folder / "alone.json")))
    for world in (1, RANKS):
        forked(*((of_ranks, (run, rank, world, folder)) for rank in range(world)))
    for other in sys.argv[2:]:
        os.environ[VARIABLE] = other
        forked((alone, (Run.here(), folder / "adapted.json")))
    # only now, since who has reckoned has threads, and a process that is forked from such a one may wait for ever
    one, many = (torch.load(folder / f"ranks_{world}.pt") for world in (1, RANKS))
    told = json.loads((folder / "alone.json").read_text())
    told["adapted"] = json.loads((folder / "adapted.json").read_text())
    told["ranks"] = [abs(one["loss"] - many["loss"]), apart(one["slopes"], many["slopes"])]
    assert all(math.isfinite(each) for each in told["losses"])
    Path(sys.argv[1]).write_text(json.dumps(told))


if __name__ == "__main__":
    main()
