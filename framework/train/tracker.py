"""metrics.jsonl: one line a step, a few keys that mean the same on a laptop and on a cluster.

verl's tracking hands over everything it measured; the names on the left are kept.
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from framework.files import whole

OURS = (
    "reward/",
    "alive/",
    "advantage/",
    "drawing/",
    "logprob_gap/",
    "canary/",
    "images/",
    "episodes/",
    "turns/",
    "eval/",
    "time/",
)
"""Keys with these beginnings are ours already."""

VERLS = {
    "time/step_s": "timing_s/step",
    "time/generate_s": "timing_s/gen",
    "time/logprob_s": "timing_s/old_log_prob",
    "time/reference_s": "timing_s/ref",
    "time/update_s": "timing_s/update_actor",
    "time/save_s": "timing_s/save_checkpoint",
    "tokens": "perf/total_num_tokens",
    "entropy": "actor/entropy",
    "loss": "actor/pg_loss",
    "kl": "actor/kl_loss",
    "grad_norm": "actor/grad_norm",
    "lr": "actor/lr",
    "clip_share": "actor/pg_clipfrac",
    "memory_gb": "actor/perf/max_memory_allocated_gb",
}
"""Ours on the left, verl's on the right."""

WORK = ("time/generate_s", "time/logprob_s", "time/reference_s", "time/update_s")
"""What a step is for; the rest of it is outside."""


def line(stage: str, step: int, data: Mapping[str, Any]) -> dict[str, Any]:
    """One line of metrics.jsonl."""
    kept: dict[str, Any] = {"stage": stage, "step": step}
    kept |= {key: _number(value) for key, value in data.items() if key.startswith(OURS)}
    kept |= {ours: _number(data[theirs]) for ours, theirs in VERLS.items() if theirs in data}
    if "time/step_s" in kept:
        spent = sum(kept.get(name) or 0.0 for name in WORK)
        kept["time/outside_s"] = kept["time/step_s"] - spent + kept.get("time/reward_s", 0.0)
    return kept


def _number(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


class Tracker:
    """One of verl's loggers: it writes what a person, a report and a resumed run read."""

    def __init__(self, path: Path, stage: str = "rl") -> None:
        self.path, self.stage = path, stage

    def log(self, data: Mapping[str, Any], step: int) -> None:
        with self.path.open("a") as out:
            out.write(json.dumps(line(self.stage, step, data)) + "\n")
            out.flush()
            os.fsync(out.fileno())


def read(path: Path, stage: str) -> list[dict[str, Any]]:
    """The whole lines of one stage."""
    return [told for told in _told(_text(path)) if told["stage"] == stage]


def read_on(path: Path, stage: str, at: int) -> tuple[list[dict[str, Any]], int]:
    """The whole lines of one stage from byte `at` on, and the byte after the last of them."""
    if not path.is_file():
        return [], at
    with path.open("rb") as file:
        file.seek(at)
        new = file.read()
    new = new[: new.rfind(b"\n") + 1]
    return [told for told in _told(new.decode()) if told["stage"] == stage], at + len(new)


def rewind(path: Path, stage: str, step: int, saved: Path | None = None) -> None:
    """Leave out what a run that was cut off said of this stage after its last checkpoint; it will be said again. What
    it did not come to say of the checkpoint's own step is taken from what was `saved` with it."""
    kept = [told for told in _told(_text(path)) if told["stage"] != stage or told["step"] <= step]
    if saved and (stage, step) not in {(told["stage"], told["step"]) for told in kept}:
        kept += read(saved, stage)[-1:]
    with whole(path) as part:
        part.write_text("".join(f"{json.dumps(told)}\n" for told in kept))


def _text(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


def _told(text: str) -> list[dict[str, Any]]:
    return [json.loads(each) for each in text.splitlines() if each.endswith("}")]  # a killed run may leave half a line
