"""Starts training in a process of its own, shows how it goes, and says what can be done when it stops.

recipe ─▶ run folder ─▶ python -m framework.train.driver ─▶ logs/driver.log          the noise
                                    └─▶ metrics.jsonl ─▶ progress, or a line a step   what one wants to see
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from framework.errors import TrainError
from framework.recipe import Recipe
from framework.train.run import VARIABLE, Run
from framework.train.settings import verl_config
from framework.train.tracker import read_on, rewind
from framework.vision import stock

ROOT = Path(__file__).parents[2]
TAIL = 20
"""Lines of the log that are shown when training fails."""
FAREWELL_S = 30
"""How long a stopped run may take to put its things away."""


def train_rl(recipe: Recipe, folder: Path, beside: Path | None = None, fresh: bool = False) -> Run:
    """Run the rl stage to its end. `beside` is the folder of a user's own code; `fresh` forgets earlier checkpoints."""
    run = Run(folder.resolve())
    if fresh:
        shutil.rmtree(run.home, ignore_errors=True)
    run.refuse_other_devices(recipe.cluster.nodes * recipe.cluster.gpus_per_node)
    model = recipe.reasoner.folder()
    verl_config(recipe, run.home, model)  # what cannot be said to verl is said before anything is started
    run.begin(recipe.with_model(model))
    command = (sys.executable, "-m", "framework.train.driver")
    launched(run, recipe.stages.rl.steps, command, environment(recipe, run, model, beside))
    return run


def launched(
    run: Run, steps: int, command: Sequence[str], env: Mapping[str, str], meanwhile: Callable[[], None] = lambda: None
) -> None:
    """Run a stage's process to its end and show how it goes.

    What is done `meanwhile` is done when the process finds the end of its standard input.
    """
    console = Console(highlight=False, soft_wrap=True)
    stage, began = run.stage, run.last_step()
    rewind(run.metrics, stage, began, run.told(began))
    run.reason.unlink(missing_ok=True)
    console.print(f"{stage}: step {began} of {steps} · {run.folder} · verl is starting", markup=False)
    with _heeded(), _driver(run, command, env) as driver, _shown(console, stage, steps, began) as show:
        assert driver.stdin
        with driver.stdin:
            meanwhile()
        for line in _lines(run.metrics, stage, driver, began):
            show(line)
    if driver.returncode:
        raise TrainError(_failure(run, driver.returncode))
    console.print(f"{stage}: done · {run.metrics} · {run.checkpoint(run.last_step())}", markup=False)


def environment(recipe: Recipe, run: Run, model: str, beside: Path | None) -> dict[str, str]:
    """What the driver and every Ray process find in their environment; what a person has set wins."""
    paths = [str(ROOT), *([str(beside.resolve())] if beside else []), *filter(None, [os.environ.get("PYTHONPATH")])]
    on_cpu = recipe.cluster.platform == "cpu"
    usual = {
        "OMP_NUM_THREADS": str(max((os.cpu_count() or 1) // recipe.cluster.gpus_per_node, 1) if on_cpu else 4),
        "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait spinning take the cores from the other processes
        "TQ_NUM_THREADS": "2",
        "HF_HUB_OFFLINE": str(int(all(map(_is_here, _paths(recipe.with_model(model).model_dump()))))),
        "TENSORBOARD_DIR": str(run.home / "tensorboard"),
        "WANDB_DIR": str(run.home),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DEDUP_LOGS": "0",
        "HYDRA_FULL_ERROR": "1",
    }
    ours = {
        VARIABLE: str(run.home),
        stock.VARIABLE: uuid4().hex,  # frames decoded by one process are there for all of its node
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # under `uv run` Ray would build an environment for every worker
        "VERL_USE_EXTERNAL_MODULES": "framework.train.platform",
        **({"VERL_PLATFORM": "cpu"} if on_cpu else {}),
    }
    return {**usual, **os.environ, **ours}


def _paths(tree: Any) -> Iterator[str]:
    """What a recipe names as a `path`: folders, and models by their Hugging Face name."""
    if isinstance(tree, Mapping):
        for key, value in cast("Mapping[str, Any]", tree).items():
            yield from (value,) if key == "path" and isinstance(value, str) else _paths(value)


def _is_here(path: str) -> bool:
    return Path(path).expanduser().exists()


# ---- the process --------------------------------------------------------------------------------------------------


@contextmanager
def _heeded() -> Iterator[None]:
    """Slurm, Kubernetes and `ray job stop` end a job with SIGTERM: to a run that is a Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _driver(run: Run, command: Sequence[str], env: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """The stage's process, which is stopped in an orderly way whatever happens here."""
    with (run.logs / "driver.log").open("wb") as log:
        driver = subprocess.Popen(
            command,
            env=env,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for this process, which then asks the driver to stop
            close_fds=False,  # the run's lock is its as well: alone() in run.py
        )
        try:
            yield driver
        except KeyboardInterrupt:
            _stopped(driver)
            last = run.last_step()
            kept = f"the checkpoint of step {last} is kept" if last else "there was no checkpoint yet"
            print(f"\nlimner: stopped; {kept}; the same command goes on from there", file=sys.stderr)
            raise
        finally:
            _stopped(driver)


def _stopped(driver: "subprocess.Popen[bytes]") -> None:
    if driver.poll() is not None:
        return
    driver.send_signal(signal.SIGTERM)
    try:
        driver.wait(FAREWELL_S)
    except subprocess.TimeoutExpired:
        os.killpg(driver.pid, signal.SIGKILL)
        driver.wait()


def _failure(run: Run, status: int) -> str:
    """Why it stopped: limner's own reason, or the end of the log."""
    log = run.logs / "driver.log"
    said = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    told = run.reason.read_text() if run.reason.is_file() else "\n".join(said[-TAIL:])
    return f"training stopped after step {run.last_step()} (exit {status})\n{told}\nall of it: {log}"


# ---- what one sees ------------------------------------------------------------------------------------------------


def _lines(metrics: Path, stage: str, driver: "subprocess.Popen[bytes]", after: int) -> Iterator[dict[str, Any]]:
    """Lines of metrics.jsonl as they are written, until the driver ends."""
    shown, at = after, 0
    while True:
        running = driver.poll() is None
        lines, at = read_on(metrics, stage, at)
        for line in lines:
            if line["step"] > shown:
                shown = line["step"]
                yield line
        if not running:
            return
        time.sleep(0.2)


@contextmanager
def _shown(console: Console, stage: str, steps: int, began: int) -> Iterator[Any]:
    """A bar on a terminal, a line a step elsewhere."""
    if not console.is_terminal:
        yield lambda line: console.print(in_a_line(line), markup=False)
        return
    columns = (
        TextColumn(stage),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("starting", total=steps, completed=began)

        def show(line: dict[str, Any]) -> None:
            progress.update(bar, completed=line["step"], description=in_a_line(line).partition("  ")[2])

        yield show


def in_a_line(line: dict[str, Any]) -> str:
    """A step in one line."""
    score, key = ("reward", "reward/mean") if "reward/mean" in line else ("loss", "loss")
    value = line.get(key)
    parts = {
        name.split("/")[1]: value
        for name, value in line.items()
        if name.startswith("reward/") and name.endswith("/mean")
    }
    said = [
        f"step {line['step']:>4}  {score} {'—' if value is None else format(value, 'z.3f')}",
        *(f"{name} {value:z.2f}" for name, value in parts.items() if name != "mean" and value is not None),
        f"gap {line['logprob_gap/max']:.1e}" if line.get("logprob_gap/max") is not None else "",
        f"{line['time/step_s']:.1f} s" if line.get("time/step_s") is not None else "",
    ]
    return " · ".join(part for part in said if part)
