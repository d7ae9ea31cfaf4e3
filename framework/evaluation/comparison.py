"""Several runs beside each other, from what their evaluations found: the seeds of one recipe, or one recipe changed.

runs/seed0/eval.json  ─┐
runs/seed1/eval.json  ─┼─▶ a column a run, and who gained ─▶ the terminal, a README, a page
runs/longer/eval.json ─┘
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from framework.errors import UserError
from framework.evaluation import standings
from framework.evaluation.arena import Gain
from framework.evaluation.standings import FILE, Standings
from framework.train.run import Run
from framework.training import TRAINED


@dataclass(frozen=True, slots=True)
class Comparison:
    columns: tuple[str, ...]
    """Nothing, and the names of the runs."""
    rows: tuple[tuple[str, ...], ...]
    """What is told, and of each run."""
    summary: str

    def markdown(self) -> str:
        """As a README shows it."""
        lines = [self.columns, ("---",) * len(self.columns), *self.rows]
        return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", self.summary])


def compare(folders: Sequence[Path]) -> Comparison:
    """What these runs came to. They must have been judged alike."""
    found = [_read(folder) for folder in folders]
    for folder, each in zip(folders, found, strict=True):
        if _judged(each) != _judged(found[0]):
            raise UserError(
                f"{folder}: {_said(each)}, but {folders[0]}: {_said(found[0])}; compare runs that played the same "
                f"tasks for the same score (limner eval RECIPE --out {folder} plays them again)"
            )
    told = [_told(folder, each) for folder, each in zip(folders, found, strict=True)]
    rows = tuple((name, *(each[name] for each in told)) for name in told[0])
    return Comparison(("", *(folder.resolve().name for folder in folders)), rows, _summary(found))


def _read(folder: Path) -> Standings:
    if not (folder / FILE).is_file():
        raise UserError(f"{folder}: holds no {FILE}; make one with: limner eval RECIPE --out {folder}")
    return standings.read(folder / FILE)


def _judged(found: Standings) -> tuple[str, int, str]:
    return found.score_name, found.tasks, found.digest


def _said(found: Standings) -> str:
    return f"{found.tasks} tasks ({found.digest or 'which, it did not say'}) scored by {found.score_name}"


def _told(folder: Path, found: Standings) -> dict[str, str]:
    """Where a run has two models, what the first came to and what the last did: a → b."""
    rows, models, score = found.rows, found.models, found.score_name
    steps = [str(step) for stage in TRAINED if (step := Run(folder, stage).last_step())]

    def scores(*names: str) -> str:
        return _numbers([rows[name].score for name in names if name in rows])

    return {
        "steps: cold start + rl": " + ".join(steps) or "–",
        score: scores(*models),
        "gain": _gain(found.gains.get("greedy")),
        f"{score}, by lot": _numbers([rows[name].sampled_score for name in models]),
        "gain, by lot": _gain(found.gains.get("sampled")),
        "well-formed": " → ".join(f"{rows[name].well_formed:.1%}" for name in models) or "–",
        "blanked: grey where it looked": scores(*(f"{name}_blanked" for name in models[:-1]), "blanked"),
        "blind: made to answer at once": scores("blind"),
        "shuffled: another task's clip": scores("shuffled"),
        "a random player": scores("random"),
    }


def _summary(found: Sequence[Standings]) -> str:
    """In how many runs a gain is not chance, by the interval over tasks."""
    told: list[str] = []
    for name, said in (("greedy", "always the likeliest reply"), ("sampled", "by lot")):
        gains = [each.gains[name] for each in found if name in each.gains]
        told += [f"{sum(gain.low > 0 for gain in gains)} of {len(gains)} {said}"] if gains else []
    first = found[0]
    known = f"{first.tasks} held-out tasks, score {first.score_name}; a → b is before and after rl"
    return f"{known}. Runs whose gain has its 95 % interval above 0: {', '.join(told)}." if told else f"{known}."


def _numbers(values: Sequence[float | None]) -> str:
    return " → ".join(f"{value:z.3f}" for value in values if value is not None) or "–"


def _gain(found: Gain | None) -> str:
    return f"{found.mean:+z.3f} [{found.low:+z.3f}, {found.high:+z.3f}]" if found else "–"
