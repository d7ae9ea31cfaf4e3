"""verl's engine with frozen eyes, in one process and without Ray: what does a step of its optimizer move?"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from adapting import made, seen
from torch import distributed

from framework.train.run import Run


def main() -> None:
    run = Run.here()
    store: Any = distributed.HashStore()  # pyright: ignore[reportPrivateImportUsage]
    distributed.init_process_group("cpu:gloo", store=store, rank=0, world_size=1)
    engine = made(run)
    before = {name: value.detach().clone() for name, value in engine.module.named_parameters()}
    engine.module(**seen(run.recipe.reasoner.voice())).logits.pow(2).mean().backward()
    engine.optimizer_step()
    moved = {name: not torch.equal(value, before[name]) for name, value in engine.module.named_parameters()}
    Path(sys.argv[1]).write_text(json.dumps(moved))
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
