"""How training went, step by step: one panel for each question one asks of it.

metrics.jsonl ─▶ panel ─▶ a facet for each stage ─▶ series: steps, values, the same lightly smoothed
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.page.stored import Line, Section, Stored

Values = NDArray[np.float64]

POINTS = 300
"""A series has no more; neighbouring steps share one."""
SMOOTH = 40
"""A smoothed value reaches over this part of all steps to either side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    title: str
    about: str
    keys: tuple[str, ...]
    """Of metrics.jsonl; `*` stands for each name there is."""
    stages: tuple[str, ...] = ("rl",)
    log: bool = False
    """On a logarithmic scale; steps that share a point show their worst."""


PANELS = (
    Panel(title="Reward", about="mean of a step's episodes", keys=("reward/mean", "eval/reward/mean")),
    Panel(title="Its parts", about="each before its weight", keys=("reward/*/mean",)),
    Panel(title="Settled groups", about="share whose rewards all agree", keys=("advantage/zero_groups",)),
    Panel(title="Imitation", about="loss of the cold start", keys=("loss",), stages=("cold_start",)),
    Panel(
        title="Rollout and trainer",
        about="how far apart about a token",
        keys=("logprob_gap/max",),
        log=True,
    ),
    Panel(title="Time", about="seconds a step", keys=("time/step_s",), stages=("cold_start", "rl")),
)

NAMES = {"reward/mean": "training", "eval/reward/mean": "held out", "logprob_gap/max": "largest"}


def curves(run: Stored) -> Section | None:
    """Panels of which something was measured."""
    panels = [drawn for panel in PANELS if (drawn := _panel(panel, run))]
    return {"draw": "curves", "title": "Training", "panels": panels} if panels else None


def _panel(panel: Panel, run: Stored) -> Section | None:
    facets = [facet for stage in panel.stages if (facet := _facet(panel, stage, run.lines.get(stage, ())))]
    if not facets:
        return None
    return {"title": panel.title, "about": panel.about, "log": panel.log, "facets": facets}


def _facet(panel: Panel, stage: str, lines: Sequence[Line]) -> dict[str, Any] | None:
    there = dict.fromkeys(key for line in lines for key in line)
    keys = [key for pattern in panel.keys for key in there if _fits(key, pattern)]
    drawn = [found for key in keys if (found := series(_name(key), lines, key, panel.log))]
    span = [lines[0]["step"], lines[-1]["step"]] if lines else []
    return {"stage": stage, "span": span, "series": drawn} if drawn else None


def _fits(key: str, pattern: str) -> bool:
    """
    >>> _fits("reward/place/mean", "reward/*/mean"), _fits("eval/reward/place/mean", "reward/*/mean")
    (True, False)
    """
    start, star, end = pattern.partition("*")
    return key.startswith(start) and key.endswith(end) and len(key) > len(start + end) if star else key == pattern


def _name(key: str) -> str:
    return NAMES.get(key) or (key.split("/")[-2] if key.endswith("/mean") else key.split("/")[-1])


def series(name: str, lines: Sequence[Line], key: str, worst: bool = False) -> dict[str, Any] | None:
    """One curve, thinned to what can be seen."""
    known = [(line["step"], line[key]) for line in lines if line.get(key) is not None]
    if not known:
        return None
    steps, values = np.array(known, float).T
    smooth = smoothed(values, len(values) // SMOOTH)
    parts = np.linspace(0, len(values), min(len(values), POINTS) + 1).astype(int)[:-1]
    counts = np.diff([*parts, len(values)])
    shared: Values = np.maximum.reduceat(values, parts) if worst else np.add.reduceat(values, parts) / counts
    last = parts + counts - 1
    return {
        "name": name,
        "steps": steps[last].astype(int).tolist(),
        "values": _short(shared),
        "smooth": _short(smooth[last]),
    }


def smoothed(values: Values, width: int) -> Values:
    """The mean of the values around each, `width` to either side, fewer at the ends.

    >>> smoothed(np.array([0.0, 3.0, 0.0, 3.0]), 1).tolist()
    [1.5, 1.0, 2.0, 1.5]
    """
    sums = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    low, high = np.maximum(at - width, 0), np.minimum(at + width + 1, len(values))
    return (sums[high] - sums[low]) / (high - low)


def _short(values: Values) -> list[float]:
    return [float(f"{value:.4g}") for value in values.tolist()]
