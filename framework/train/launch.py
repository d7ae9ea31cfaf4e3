"""Starts training in a process of its own, shows how it goes, and says what can be done when it stops.

recipe ─▶ run folder ─▶ python -m framework.train.driver ─▶ logs/driver.log          the noise
                                    └─▶ metrics.jsonl ─▶ progress, or a line a step   what one wants to see
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from framework.errors import TrainError
from framework.recipe import Recipe
from framework.train.run import VARIABLE, Run

ROOT = Path(__file__).parents[2]
TAIL = 20
"""Lines of the log that are shown when training fails."""
FAREWELL_S = 30
"""How long a stopped run may take to put its things away."""


def train_rl(recipe: Recipe, folder: Path, beside: Path | None = None, fresh: bool = False) -> Run:
    """Run the rl stage to its end. `beside` is the folder of a user's own code; `fresh` forgets earlier checkpoints."""
    run = Run(folder.resolve())
    if fresh:
        shutil.rmtree(run.checkpoints, ignore_errors=True)
        run.metrics.unlink(missing_ok=True)
    model = recipe.reasoner.folder()
    run.begin(recipe.model_copy(update={"reasoner": recipe.reasoner.model_copy(update={"path": model})}))
    console = Console(highlight=False, soft_wrap=True)
    began = run.last_step()
    console.print(
        f"rl: step {began} of {recipe.stages.rl.steps} · {run.folder} · verl and Ray are starting", markup=False
    )
    with _driver(run, environment(recipe, run, model, beside)) as driver, _shown(console, recipe, began) as show:
        for line in _lines(run.metrics, driver, began):
            show(line)
    if driver.returncode:
        raise TrainError(_failure(run, driver.returncode))
    console.print(f"rl: done · {run.metrics} · {run.checkpoint(run.last_step())}", markup=False)
    return run


def environment(recipe: Recipe, run: Run, model: str, beside: Path | None) -> dict[str, str]:
    """What the driver and every Ray process find in their environment; what a person has set wins."""
    paths = [str(ROOT), *([str(beside.resolve())] if beside else []), *filter(None, [os.environ.get("PYTHONPATH")])]
    on_cpu = recipe.cluster.platform == "cpu"
    usual = {
        "OMP_NUM_THREADS": str(os.cpu_count() if on_cpu else 4),
        "TQ_NUM_THREADS": "2",
        "HF_HUB_OFFLINE": str(int(Path(model).is_dir())),
        "TENSORBOARD_DIR": str(run.folder / "tensorboard"),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DEDUP_LOGS": "0",
        "HYDRA_FULL_ERROR": "1",
    }
    ours = {
        VARIABLE: str(run.folder),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "VERL_USE_EXTERNAL_MODULES": "framework.train.platform",
        **({"VERL_PLATFORM": "cpu"} if on_cpu else {}),
    }
    return {**usual, **os.environ, **ours}


# ---- the process --------------------------------------------------------------------------------------------------


@contextmanager
def _driver(run: Run, env: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """The driver, which is stopped in an orderly way whatever happens here."""
    with (run.logs / "driver.log").open("wb") as log:
        driver = subprocess.Popen(
            [sys.executable, "-m", "framework.train.driver"],
            env=env,
            cwd=run.folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for this process, which then asks the driver to stop
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
    from framework.train.driver import FAILED

    log = run.logs / "driver.log"
    said = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    told = run.reason.read_text() if status == FAILED else "\n".join(said[-TAIL:])
    return f"training stopped after step {run.last_step()} (exit {status})\n{told}\nall of it: {log}"


# ---- what one sees ------------------------------------------------------------------------------------------------


def _lines(metrics: Path, driver: "subprocess.Popen[bytes]", after: int) -> Iterator[dict[str, Any]]:
    """Lines of metrics.jsonl as they are written, until the driver ends."""
    shown = after
    while True:
        running = driver.poll() is None
        for text in metrics.read_text().splitlines() if metrics.is_file() else []:
            if text.endswith("}") and (line := json.loads(text))["step"] > shown:
                shown = line["step"]
                yield line
        if not running:
            return
        time.sleep(0.2)


@contextmanager
def _shown(console: Console, recipe: Recipe, began: int) -> Iterator[Any]:
    """A bar on a terminal, a line a step elsewhere."""
    if not console.is_terminal:
        yield lambda line: console.print(_told(line), markup=False)
        return
    columns = (
        TextColumn("rl"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("starting", total=recipe.stages.rl.steps, completed=began)

        def show(line: dict[str, Any]) -> None:
            progress.update(bar, completed=line["step"], description=_told(line).partition("  ")[2])

        yield show


def _told(line: dict[str, Any]) -> str:
    """A step in one line."""
    parts = {
        name.split("/")[1]: value
        for name, value in line.items()
        if name.startswith("reward/") and name.endswith("/mean")
    }
    said = [
        f"step {line['step']:>4}  reward {line.get('reward/mean', float('nan')):.3f}",
        *(f"{name} {value:.2f}" for name, value in parts.items() if name != "mean" and value is not None),
        f"gap {line['logprob_gap/max']:.1e}" if line.get("logprob_gap/max") is not None else "",
        f"{line['time/step_s']:.1f} s" if line.get("time/step_s") is not None else "",
    ]
    return " · ".join(part for part in said if part)
