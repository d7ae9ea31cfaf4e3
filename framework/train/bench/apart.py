"""A measurement in a process of its own, which finds a run's folder and environment as a driver would.

recipe, "race" ─▶ python -m framework.train.bench.race ─▶ rl/logs/race.log, race.json
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from framework.bench.race import at
from framework.errors import TrainError
from framework.recipe import Recipe
from framework.train.launch import environment
from framework.train.run import Run


def apart(recipe: Recipe, name: str, folder: Path, env: Mapping[str, str] = MappingProxyType({})) -> Any:
    """What the file of this name, beside this one, measures."""
    model = recipe.reasoner.folder()
    run = Run(folder.resolve())
    run.begin(recipe.with_model(model))
    log = run.logs / f"{name}.log"
    at(f"{name}, which writes into {log}")
    command = (sys.executable, "-m", f"framework.train.bench.{name}")
    with log.open("wb") as said:
        known = {**environment(recipe, run, model, None), **env}
        ended = subprocess.run(command, env=known, cwd=run.folder, stdout=said, stderr=said, stdin=subprocess.DEVNULL)
    if ended.returncode:
        raise TrainError(f"the {name} ended with exit code {ended.returncode}; {log} says why")
    return json.loads((run.folder / f"{name}.json").read_text())
