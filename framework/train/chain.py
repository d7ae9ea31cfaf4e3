"""What a checkpoint stands on: the tasks drawn so far, and the recipe that drew them. A resume goes on, or refuses.

digest₀ = 0     digestₙ = hash(digestₙ₋₁, tasks of step n)     ─▶ checkpoints/global_step_20/limner.json
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from framework.errors import TrainError
from framework.lineage import differences
from framework.recipe import Recipe

FREE: Any = {
    **dict.fromkeys(("name", "about", "stages", "cluster", "certify", "verl"), True),
    **dict.fromkeys(("sampler", "segmenter", "propagator"), True),
    "data": {"eval"},
}
"""Sections that may change between two halves of a run."""


class Chain:
    """The samples of a run so far."""

    def __init__(self, recipe: Recipe) -> None:
        self.bound = json.loads(recipe.model_dump_json(exclude=FREE)) | {"tasks": recipe.data.train.size()}
        self.digest, self.drawn, self.step = "", 0, 0

    def consume(self, tasks: Sequence[int]) -> None:
        """These tasks were drawn."""
        self.digest = hashlib.blake2b(f"{self.digest} {list(tasks)}".encode(), digest_size=16).hexdigest()
        self.drawn += len(tasks)

    def save(self, folder: Path, step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        state = {"step": step, "drawn": self.drawn, "digest": self.digest, "recipe": self.bound}
        (folder / "limner.json").write_text(json.dumps(state, indent=1))

    def resume(self, folder: Path, step: int) -> None:
        """Go on where a checkpoint ended, or say why that would be another run."""
        for file in (folder / "limner.json", folder / "data.pt"):
            if not file.is_file():
                raise TrainError(f"{file} is missing, so nobody knows which tasks were drawn; {_remedy(folder)}")
        state = json.loads((folder / "limner.json").read_text())
        if state["step"] != step:
            raise TrainError(f"{folder} was saved at step {state['step']}, not {step}; {_remedy(folder)}")
        if differ := [path for path, _, _ in differences(state["recipe"], self.bound)]:
            raise TrainError(
                f"the recipe has changed since {folder.name} in {', '.join(differ[:5])}: "
                f"set it back, or {_remedy(folder)}"
            )
        self.digest, self.drawn, self.step = state["digest"], state["drawn"], step


def _remedy(folder: Path) -> str:
    return f"begin again with --fresh, or another --out than {folder.parents[2]}"
