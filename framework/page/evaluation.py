"""What an evaluation found: in a sentence, and in tables.

before .35  after .53  gain +.18 [+.15, +.21] ─▶ "Reinforcement taught it something: …"
before .35  after .36  gain +.01 [−.01, +.03] ─▶ "Nothing … that chance could not explain", or what was gained by lot
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from framework.evaluation.arena import Gain
from framework.evaluation.standings import Row, Standings
from framework.figures import names, number, signed
from framework.page.stored import Line, Section, Stored

Cell = str | dict[str, Any]
"""What stands in a table: text, or text with a bar of some share of the width."""


@dataclass(frozen=True, slots=True)
class Column:
    """How everyone played, in a number each; left out if it is the usual one for all."""

    title: str
    name: str
    """As `Row` calls it."""
    usual: float
    form: str


TAMPERED = {
    "blanked": "shown grey where it looked",
    "blind": "made to answer before it looked",
    "shuffled": "shown another task's clip",
}
"""What was done to the eyes of the last model; `cold_start_blanked` names another."""
CONDUCT = (
    Column("thought", "thought_tokens", 0, ".1f"),
    Column("turns", "turns_used", 1, ".2f"),
    Column("unread", "unread_replies", 0, ".1%"),
    Column("target not on keyframe", "empty_keyframes", 0, ".1%"),
)
SHARE = 10
"""The first and the last step of this many say how the reward moved."""


def headline(run: Stored) -> Section | None:
    """What was learned, in one sentence."""
    found, told = run.standings, run.lines.get("rl", ())
    if found:
        gains = {"always the likeliest reply": found.gains.get("greedy"), "replies by lot": found.gains.get("sampled")}
        drawn = [{"name": name, "mean": g.mean, "low": g.low, "high": g.high} for name, g in gains.items() if _known(g)]
        return {"draw": "headline", "title": "", "sentence": _learned(found), "facts": _facts(found), "gains": drawn}
    rewards = [line["reward/mean"] for line in told if line.get("reward/mean") is not None]
    return {"draw": "headline", "title": "", "sentence": _so_far(told, rewards), "facts": []} if rewards else None


def _learned(found: Standings) -> str:
    gain, models = found.gains.get("greedy"), found.models
    if models and all(math.isnan(found.rows[name].score) for name in models):
        return (
            f"“{found.score_name}” says nothing of these {found.tasks} held-out tasks: their truth is not known here."
        )
    mean = f"the mean of “{found.score_name}” over {found.tasks} held-out tasks"
    if gain is None or len(models) < 2:
        scores = ", ".join(f"{_score(found, name)} for {name}" for name in models) or "known of scripted players only"
        return f"T{mean[1:]} is {scores}; there is no earlier policy to hold that against."
    if not _known(gain):
        return f"What was learned is not known: no held-out task has a score from both {models[0]} and {models[-1]}."
    before, after = (_score(found, name) for name in (models[0], models[-1]))
    moved = f"{mean} went from {before} to {after}, {_said(gain)}"
    if gain.low > 0:
        return f"Reinforcement taught it something: {moved}."
    if gain.high < 0:
        return f"Reinforcement made it worse: {moved}."
    by_lot = found.gains.get("sampled")
    if _known(by_lot) and not by_lot.low <= 0 <= by_lot.high:
        how = "better" if by_lot.mean > 0 else "worse"
        return (
            f"Reinforcement made replies by lot {how}, {_said(by_lot)}; of the likeliest ones, {moved}, which holds 0."
        )
    return f"Nothing was learned that chance could not explain: {moved}, which holds 0."


def _known(gain: Gain | None) -> TypeGuard[Gain]:
    """Has any task a score from both?"""
    return gain is not None and gain.mean == gain.mean


def _score(found: Standings, name: str) -> str:
    return number(found.rows[name].score)


def _said(gain: Gain) -> str:
    return f"a change of {signed(gain.mean)} with a 95 % interval of {signed(gain.low)} to {signed(gain.high)}"


def _facts(found: Standings) -> list[str]:
    """What else a reader should know before trusting the sentence."""
    if not found.models or "blanked" not in found.rows:
        return []
    seeing, grey = (_score(found, name) for name in (found.models[-1], "blanked"))
    return [f"Shown grey where it looked, it scores {grey} instead of {seeing}."]


def _so_far(told: Sequence[Line], rewards: Sequence[float]) -> str:
    few = max(1, len(rewards) // SHARE)
    first, last = (sum(some) / few for some in (rewards[:few], rewards[-few:]))
    moved = f"the mean reward of training went from {first:.3f} to {last:.3f}"
    return f"Over {told[-1]['step']} steps {moved}; held-out tasks have not been played yet."


# ---- tables ----------------------------------------------------------------------------------------------------------


def evaluation(run: Stored) -> Section | None:
    """Who is how good, what tampered eyes cost, and what is hard."""
    found = run.standings
    if not found:
        return None
    tampered = {name: of for name in found.rows if (of := _whose(name, found))}
    plain = {name: row for name, row in found.rows.items() if name not in tampered}
    tables = [_players(found, plain), _eyes(found, tampered), _kinds(plain)]
    about = f"Everyone plays the same {found.tasks} held-out tasks; the score is the mean of {found.score_name}."
    return {"draw": "tables", "title": "Evaluation", "about": about, "tables": [each for each in tables if each]}


def comparison(run: Stored) -> Section | None:
    """The same of other runs."""
    found = run.comparison
    if not found:
        return None
    tables = [{"columns": found.columns, "rows": found.rows}]
    return {"draw": "tables", "title": "Beside other runs", "about": found.summary, "tables": tables}


def _whose(name: str, found: Standings) -> str:
    """The model whose eyes were tampered with, if this player is one of those."""
    of, _, how = name.rpartition("_")
    if name in TAMPERED and found.models:
        return found.models[-1]
    return of if how in TAMPERED and of in found.rows else ""


def _players(found: Standings, rows: Mapping[str, Row]) -> Section:
    parts = _parts(found, rows)
    lot = any(row.sampled_score is not None for row in rows.values())
    by_lot = ["by lot"] if lot else []
    told = [each for each in CONDUCT if any(getattr(row, each.name) not in (None, each.usual) for row in rows.values())]
    columns = ["player", found.score_name, *by_lot, "well-formed", *by_lot, *(each.title for each in told), *parts]
    cells = [
        [name, _bar(row.score), *([number(row.sampled_score)] if lot else [])]
        + [number(row.well_formed, ".1%"), *([number(row.sampled_well_formed, ".1%")] if lot else [])]
        + [number(getattr(row, each.name), each.form) for each in told]
        + [number(row.parts.get(part)) for part in parts]
        for name, row in rows.items()
    ]
    return {"columns": columns, "rows": cells}


def _eyes(found: Standings, tampered: Mapping[str, str]) -> Section | None:
    if not tampered:
        return None
    parts = _parts(found, tampered)
    rows = [
        [_tampered(name, of), _bar(row.score), signed(row.score - found.rows[of].score), number(row.well_formed, ".1%")]
        + [number(row.parts.get(part)) for part in parts]
        for name, of in tampered.items()
        for row in [found.rows[name]]
    ]
    columns = ["", found.score_name, "against itself", "well-formed", *parts]
    return {"caption": "With its eyes tampered", "columns": columns, "rows": rows}


def _tampered(name: str, of: str) -> str:
    return f"{of}, {TAMPERED[name.rpartition('_')[2]]}"


def _kinds(rows: Mapping[str, Row]) -> Section | None:
    kinds = names(row.by_kind for row in rows.values())
    if len(kinds) < 2:
        return None
    cells = [[name, *(_bar(row.by_kind.get(kind)) for kind in kinds)] for name, row in rows.items()]
    return {"caption": "By kind of question", "columns": ["player", *kinds], "rows": cells}


def _parts(found: Standings, players: Iterable[str]) -> list[str]:
    """The reward parts besides the score, which is one of them."""
    return [part for part in names(found.rows[player].parts for player in players) if part != found.score_name]


def _bar(value: float | None) -> Cell:
    return "–" if value is None or value != value else {"text": number(value), "share": min(max(value, 0.0), 1.0)}
