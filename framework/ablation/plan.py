"""Tables of variants of a recipe, as papers have them to show what each part is worth, and the work they come to.

ablations.yaml: tables, variants × seeds ─▶ trials ─▶ jobs: one cold start, one rl … for all who agree in its settings

    tables:
      5:
        about: where to look
        variants:
          the first frame: {changes: [sampler.rounds=0, sampler.target=first], paper: 45.7}
          the full sampler: {paper: 55.3}
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from framework.config import Name, Settings, load, typed
from framework.cookbook import ABLATIONS, locate
from framework.errors import ConfigError, UserError
from framework.lab.players import PLAYERS
from framework.lineage import differences, digest, seen, without_path
from framework.recipe import Recipe, find_recipe
from framework.registry import find, one_of
from framework.train.run import Run
from framework.training import STAGES, TRAINED

Told = Literal["score", "thought"]


class Variant(Settings):
    """The recipe, changed."""

    changes: tuple[str, ...] = ()
    """As on the command line: env.max_turns=2."""
    plays: str = ""
    """Whose games count: cold_start, rl, or a player without a model; the last stage there is if nobody is named."""
    seeds: int | None = Field(default=None, ge=1)
    """As many as the table if not said."""
    paper: Annotated[str, Field(coerce_numbers_to_str=True)] = ""
    """What the paper has for it."""


class Ablation(Settings):
    """One table."""

    about: str = ""
    paper: str = ""
    """What the paper's figures are of, and what it found."""
    changes: tuple[str, ...] = ()
    """Of all its variants."""
    seeds: int = Field(default=1, ge=1)
    """The recipe's seed, and so many less one after it."""
    told: tuple[Told, ...] = ("score",)
    """What of each is held against the others."""
    variants: Mapping[Name, Variant] = Field(min_length=1)


class Ablations(Settings):
    """A file of tables."""

    tables: Mapping[Name, Ablation]


@dataclass(frozen=True, slots=True)
class Job:
    """A stage to be done once, whoever needs it."""

    recipe: Recipe
    run: Run
    """Which stage it is, and where it lies."""
    after: tuple[Run, ...] = ()
    """The trained stages before it, in their order."""
    plays: str = ""
    """In an evaluation: whose games count."""

    @property
    def stage(self) -> str:
        return self.run.stage


@dataclass(frozen=True, slots=True)
class Trial:
    """One variant with one seed."""

    table: str
    variant: str
    seed: int
    jobs: tuple[Job, ...]
    """The evaluation last."""

    @property
    def games(self) -> Job:
        return self.jobs[-1]


def read(recipe: str, file: Path | None = None) -> Ablations:
    """The tables of a recipe, by default those beside it."""
    path = file or locate(recipe).with_name(ABLATIONS)
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; write tables of variants there, or name another with --tables FILE")
    return typed(Ablations, load(path))


def trials(
    recipe: str,
    changes: Sequence[str],
    tables: Mapping[str, Ablation],
    out: Path,
    given: Sequence[Path] = (),
    seeds: int | None = None,
) -> list[Trial]:
    """Every variant with every seed. A stage that a folder of `given` holds already is taken from there."""
    base = find_recipe(recipe, changes)
    known = [each for folder in given for each in _known(folder, base)]
    found: list[Trial] = []
    for name, table in tables.items():
        changed = list(_changed(recipe, changes, name, table, base.seed, seeds))
        _play_alike(name, changed)
        for title, each in changed:
            found.append(Trial(name, title, each.seed, _jobs(each, table.variants[title].plays, out, base, known)))
    return found


def _changed(
    recipe: str, changes: Sequence[str], name: str, table: Ablation, first: int, seeds: int | None
) -> Iterator[tuple[str, Recipe]]:
    """The recipe as each variant of a table changes it, with each seed from `first` on."""
    for title, variant in table.variants.items():
        for seed in range(first, first + (seeds or variant.seeds or table.seeds)):
            try:
                yield title, find_recipe(recipe, [*changes, *table.changes, *variant.changes, f"seed={seed}"])
            except ConfigError as error:
                raise ConfigError(f"tables.{name}.variants.{title}: {error}") from None


def _play_alike(name: str, changed: Sequence[tuple[str, Recipe]]) -> None:
    """The variants of a table are held against each other, so they must play the same tasks for the same score."""
    first = changed[0][1]
    for title, each in changed:
        if each.data.eval != first.data.eval or each.score != first.score:
            raise ConfigError(
                f"tables.{name}.variants.{title}: plays other tasks or for another score than the first of its "
                "table; change data.eval and stages.eval.score for the whole table, under its `changes`"
            )


def chosen(ablations: Ablations, names: Sequence[str]) -> dict[str, Ablation]:
    """The tables of these names, or all."""
    return {name: find(ablations.tables, name, "table") for name in names or ablations.tables}


def jobs(of: Iterable[Trial]) -> list[Job]:
    """Each once, in an order in which they can be done."""
    once = {job.run: job for trial in of for job in trial.jobs}
    return sorted(once.values(), key=lambda job: STAGES.index(job.stage))


def _jobs(recipe: Recipe, plays: str, out: Path, base: Recipe, known: Sequence["Known"]) -> tuple[Job, ...]:
    there = [stage for stage in TRAINED if recipe.stages.steps(stage)]
    player = one_of((*TRAINED, *PLAYERS), plays, "player") if plays else next(reversed(there), "")
    if not player or (player in TRAINED and player not in there):
        raise ConfigError(f"stages.{player or 'rl'}.steps: 0, so there is no model that could play; say plays: PLAYER")
    needed = there[: there.index(player) + 1] if player in there else []
    trained: list[Job] = []
    for stage in needed:
        settings = seen(recipe, stage)
        own = Run((out / f"{stage}-{digest(settings)}").resolve(), stage)
        same = recipe.reasoner.path == base.reasoner.path
        ready = (
            each.run for each in known if same and (each.run.stage, each.settings) == (stage, without_path(settings))
        )
        trained.append(Job(recipe, next(ready, own), tuple(job.run for job in trained)))
    judged = lean(recipe, player)
    after = tuple(job.run for job in trained)
    told = digest({**seen(judged, "eval"), "plays": player, "after": [_mark(run, out) for run in after]})
    return (*trained, Job(judged, Run((out / f"eval-{told}").resolve(), "eval"), after, player))


def lean(recipe: Recipe, player: str) -> Recipe:
    """The recipe with an evaluation in which only this one plays, and each task once."""
    trained = player in TRAINED
    said = {"players": () if trained else (player,), "models": (player,) if trained else ()}
    compare = recipe.stages.eval.model_copy(update={**said, "rounds": 0, "tampered": False})
    return recipe.model_copy(update={"stages": recipe.stages.model_copy(update={"eval": compare})})


def _mark(run: Run, out: Path) -> str:
    """Which weights: those of our own folder by its name, others by their place and when they were made."""
    made = str(run.latest.stat().st_mtime_ns) if run.folder.parent != out.resolve() else ""
    return f"{run.folder.name if not made else run.folder} {made}"


# ---- what an earlier run holds ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """A stage of an earlier run, whole."""

    settings: Mapping[str, object]
    run: Run


def _known(folder: Path, base: Recipe) -> list[Known]:
    """The stages that a `limner train` has finished here; it must have been of this recipe."""
    found: list[Known] = []
    for stage in TRAINED:
        run = Run(folder.resolve(), stage)
        if not run.recipe_file.is_file() or run.model() is None:
            continue
        stood = run.recipe
        if run.last_step() < stood.stages.steps(stage):
            continue
        settings = without_path(seen(stood, stage))
        ours = without_path(seen(base.model_copy(update={"seed": stood.seed}), stage))
        if differs := next(differences(settings, ours), None):
            path, then, now = differs
            raise UserError(
                f"{folder}: its {stage} was made with {path}={then!r}, but here it is {now!r}; say {path}={then} too, "
                "or train another"
            )
        found.append(Known(settings, run))
    if not found:
        raise UserError(f"{folder}: holds no finished stage; make one with: limner train RECIPE --out {folder}")
    return found
