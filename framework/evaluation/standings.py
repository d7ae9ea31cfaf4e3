"""eval.json: who is how good and what training gained, written and read again.

Played ─▶ row() ─▶ Row, one for each player ─▶ write() ─▶ eval.json ─▶ read() ─▶ Standings
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from framework.errors import DataError
from framework.evaluation.arena import Gain, Played, average
from framework.evaluation.conduct import empty_keyframes, turns_used, unread_replies
from framework.training import TRAINED
from framework.types import Task

FILE = "eval.json"
CONDUCT = {each.__name__: each for each in (turns_used, unread_replies, empty_keyframes)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One player in the table."""

    score: float
    sampled_score: float | None = None
    well_formed: float
    sampled_well_formed: float | None = None
    thought_tokens: float | None = None
    """How much was thought about a task; None in an evaluation that did not say."""
    turns_used: float | None = None
    unread_replies: float | None = None
    empty_keyframes: float | None = None
    """How it was played (conduct.py); None in an evaluation that did not say."""
    parts: Mapping[str, float] = field(default_factory=dict[str, float])
    by_kind: Mapping[str, float] = field(default_factory=dict[str, float])
    lost: float = 0.0
    """The share of episodes that our machinery lost; none of these numbers counts them."""


def row(tasks: Sequence[Task], greedy: Played, sampled: Played | None = None) -> Row:
    """The row of a player, from its greedy games and, if it is a model, its sampled ones."""
    kinds = np.array([task.truth.kind for task in tasks])
    scores = greedy.scores()
    return Row(
        score=average(scores),
        sampled_score=average(sampled.scores()) if sampled else None,
        well_formed=greedy.well_formed(),
        sampled_well_formed=sampled.well_formed() if sampled else None,
        thought_tokens=float(greedy.thoughts().mean()),
        **{name: measure(greedy.sound) for name, measure in CONDUCT.items()},
        parts=greedy.parts(),
        by_kind={str(kind): average(scores[kinds == kind]) for kind in np.unique(kinds)},
        lost=float(np.mean([bool(reason) for reason in greedy.lost()])),
    )


SAID = ("score", "sampled_score", "well_formed", "sampled_well_formed", "thought_tokens", *CONDUCT)
COLUMNS = (*SAID, "lost_share", "by_kind")
"""The keys of a player in eval.json besides the reward parts; no part may have one of these names."""


def write(
    path: Path, score_name: str, seed: int, tasks: Sequence[Task], rows: Mapping[str, Row], gains: Mapping[str, Gain]
) -> None:
    """The table, and what training gained (greedy, and sampled within it)."""
    found: dict[str, Any] = {"n": len(tasks), "tasks": _digest(tasks), "seed": seed, "score_name": score_name}
    found["policies"] = {
        name: {
            **{column: getattr(each, column) for column in SAID},
            **({"lost_share": each.lost} if each.lost else {}),
            **each.parts,
            "by_kind": dict(each.by_kind),
        }
        for name, each in rows.items()
    }
    as_plain = {name: {"mean": each.mean, "low": each.low, "high": each.high} for name, each in gains.items()}
    if "greedy" in as_plain:
        found["gain"] = as_plain["greedy"] | ({"sampled": as_plain["sampled"]} if "sampled" in as_plain else {})
    path.write_text(json.dumps(plain(found), indent=2, allow_nan=False) + "\n")


def plain(found: Any) -> Any:
    """The same as JSON can say it: NaN becomes null."""
    if isinstance(found, dict):
        return {key: plain(value) for key, value in cast(dict[str, Any], found).items()}
    if isinstance(found, Sequence) and not isinstance(found, str):
        return [plain(each) for each in cast(Sequence[Any], found)]
    return None if isinstance(found, float) and math.isnan(found) else found


def _digest(tasks: Sequence[Task]) -> str:
    return hashlib.blake2b("\n".join(task.id for task in tasks).encode(), digest_size=8).hexdigest()


# ---- and back --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standings:
    """What an eval.json says."""

    score_name: str
    tasks: int
    rows: Mapping[str, Row]
    gains: Mapping[str, Gain]
    """greedy and sampled, where there were two models."""
    seed: int = 0
    digest: str = ""
    """Which tasks they were; empty in an evaluation that did not say."""

    @property
    def models(self) -> list[str]:
        """Those who have been trained, in that order."""
        return [name for name in TRAINED if name in self.rows]


def read(path: Path) -> Standings:
    """What was written there."""
    try:
        found = json.loads(path.read_text())
        rows = {name: _row(dict(each)) for name, each in found["policies"].items()}
        gains = {"greedy": found["gain"], "sampled": found["gain"].get("sampled")} if "gain" in found else {}
        drawn = {
            name: Gain(*(_number(each[end]) for end in ("mean", "low", "high"))) for name, each in gains.items() if each
        }
        return Standings(found["score_name"], found["n"], rows, drawn, found["seed"], found.get("tasks", ""))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: {type(error).__name__}: {error}; `limner eval RECIPE` writes it anew") from None


def _row(found: dict[str, Any]) -> Row:
    own = {name: found.pop(name) for name in ("score", "sampled_score", "well_formed", "by_kind")}
    for name in ("sampled_well_formed", "thought_tokens", *CONDUCT):
        own[name] = found.pop(name, None)  # an older evaluation did not say it
    for name in ("score", "well_formed"):
        own[name] = _number(own[name])
    own["by_kind"] = {kind: _number(value) for kind, value in own["by_kind"].items()}
    own["lost"] = found.pop("lost_share", 0.0)
    return Row(**own, parts={name: float(value) for name, value in found.items()})


def _number(said: float | None) -> float:
    """Null is no number."""
    return float("nan") if said is None else said
