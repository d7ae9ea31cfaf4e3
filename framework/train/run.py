"""The folder of a training run: what every process reads and where everything is left.

runs/quickstart/
    metrics.jsonl           one line a step, of every stage
    eval.json, eval/        what the models are worth, and how they played
    cold_start/, rl/
        recipe.yaml         resolved: what this stage is, for every process and for whoever looks later
        checkpoints/        global_step_20/ …, with limner.json, the chain of samples it stands on, and told.jsonl
        logs/               what verl and Ray say
"""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from framework.config import literal, load, typed
from framework.errors import TrainError, UserError
from framework.files import whole
from framework.recipe import Recipe

VARIABLE = "LIMNER_RUN"


@dataclass(frozen=True)
class Run:
    """One stage of a run, and where it lies."""

    folder: Path
    stage: str = "rl"

    @classmethod
    def here(cls) -> "Run":
        """The run that this process works for."""
        folder = os.environ.get(VARIABLE)
        if not folder:
            raise TrainError(f"{VARIABLE} is not set in this process; start training with `limner train`")
        return cls(Path(folder).parent, Path(folder).name)

    @property
    def home(self) -> Path:
        """What belongs to this stage alone."""
        return self.folder / self.stage

    @property
    def recipe_file(self) -> Path:
        return self.home / "recipe.yaml"

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.home / "checkpoints"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def reason(self) -> Path:
        """Why limner refused to go on, if it did."""
        return self.logs / "reason.txt"

    @property
    def first_rows(self) -> Path:
        """What the trainer was given first."""
        return self.logs / "first_rows.pt"

    @cached_property
    def recipe(self) -> Recipe:
        return typed(Recipe, load(self.recipe_file))

    def begin(self, recipe: Recipe) -> None:
        """Make the folder and leave the recipe in it."""
        import yaml

        self.logs.mkdir(parents=True, exist_ok=True)
        tree = literal(recipe.model_dump(mode="json"))
        with whole(self.recipe_file) as part:
            part.write_text(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))

    @property
    def latest(self) -> Path:
        """verl's mark, written when a checkpoint is whole."""
        return self.checkpoints / "latest_checkpointed_iteration.txt"

    def last_step(self) -> int:
        """The step of the newest whole checkpoint; 0 if there is none, or somebody has deleted it."""
        step = int(self.latest.read_text() or 0) if self.latest.is_file() else 0
        return step if self.checkpoint(step).is_dir() else 0

    def refuse_other_devices(self, devices: int) -> None:
        """Each device has left its own part of the newest checkpoint, so as many must go on from it."""
        step = self.last_step()
        parts = self.checkpoint(step).glob("**/model_world_size_*_rank_0.pt")
        saved = {int(part.name.split("_")[3]) for part in parts}
        if saved and devices not in saved:
            raise TrainError(
                f"cluster: {devices} devices, and the checkpoint of step {step} was left by {max(saved)}; set "
                f"cluster.nodes and cluster.gpus_per_node as they were, or begin again with --fresh, or another --out"
            )

    def checkpoint(self, step: int) -> Path:
        return self.checkpoints / f"global_step_{step}"

    def told(self, step: int) -> Path:
        """What there was to say of a step when its checkpoint was saved, if the run did not come to say all of it."""
        return self.checkpoint(step) / "told.jsonl"

    def model(self) -> Path | None:
        """What the stage has left for the next, as Hugging Face lays out a model; None if nothing yet."""
        last = self.checkpoint(self.last_step())
        found = [last / "huggingface", last / "actor" / "huggingface"]
        return next((folder for folder in found if (folder / "config.json").is_file()), None)


@contextmanager
def alone(folder: Path) -> Generator[None]:
    """Two trainings never write into one folder. Their processes inherit the lock: it holds while one of them lives."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{folder}: another process trains here (python -m framework.train…, which outlives a `limner train` "
                "that was killed); wait for it, stop it, or choose another --out"
            ) from None
        except OSError:
            pass  # not every file system has locks
        os.set_inheritable(lock.fileno(), True)
        yield
