"""What can be known before anything is trained: does it fit? From sizes and settings alone; no model is loaded.

a few tasks ─▶ played by the greediest looker ─▶ tokens, against the limits
             └▶ played by the expert ──────────▶ are there rewards to earn, and can true boxes be said?
"""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from framework import memory
from framework.budget import Count, Greedy, counts
from framework.division import batch
from framework.env import Rules, expert_of, knowing
from framework.errors import DataError, NoExpert, UserError
from framework.finding import Finding
from framework.lab.players import PLAYERS
from framework.policy import Policy
from framework.proof import liveness
from framework.reasoners.fit import Asked, fits
from framework.recipe import Recipe
from framework.registry import nearest
from framework.rollout import play
from framework.rows import Rows, lot, read, size
from framework.types import Broken, Episode, NotApplicable, RewardBreakdown, Stop, Task

SAMPLE = 8
"""Tasks that are looked at."""


def preflight(recipe: Recipe) -> list[Finding]:
    """Every finding, those that do not fit among them."""
    rows, held_out = _rows(recipe, "train"), _rows(recipe, "eval")
    looked = [episode for task in rows.tasks for episode in _greediest(recipe.env, task)]
    return [
        Finding("formula", recipe.rubric.formula()),
        Finding("data", f"{size(recipe.data.train):,} training tasks, {size(recipe.data.eval):,} for evaluation"),
        *_odd(rows, held_out),
        *weights(recipe),
        *fitting(recipe, looked),
        *served(recipe),
        *players(recipe),
        *demonstrations(recipe),
        *batch(recipe),
        *question(looked),
        *tokens(recipe, looked),
        *memory.findings(recipe),
        *tried(recipe, rows.tasks),
    ]


def _rows(recipe: Recipe, split: Literal["train", "eval"]) -> Rows:
    """A few of each, since those of the evaluation are read when training is over."""
    source = recipe.data.train if split == "train" else recipe.data.eval
    try:
        return read(source, lot(source, SAMPLE, recipe.seed), recipe.data.faulty)
    except DataError as error:
        raise DataError(f"data.{split}: {error}") from None


def _odd(rows: Rows, held_out: Rows) -> Iterator[Finding]:
    """What is odd about those looked at."""
    yield from (Finding("rows", each.left_out, doubtful=True) for each in (rows, held_out) if each.faults)
    if same := sum(task in rows.tasks for task in held_out.tasks):
        found = f"{same} of {len(held_out.tasks)} looked at of data.eval are tasks of data.train, too"
        yield Finding("rows", found, doubtful=True)


def must_fit(recipe: Recipe) -> None:
    """Before hours are spent: what does not fit is a mistake."""
    for finding in preflight(recipe):
        if finding.remedy:
            raise UserError(finding.remedy)


def weights(recipe: Recipe) -> list[Finding]:
    """Where the reasoner's files lie."""
    path = recipe.reasoner.path
    if not path:
        return [Finding("reasoner", "built here from its settings")]
    if Path(path).expanduser().is_dir():
        return [Finding("reasoner", path)]
    if path.startswith((".", "/", "~")):
        remedy = f"reasoner.path: {path!r} is no folder; give the model's folder or its name"
        return [Finding("reasoner", path, remedy=remedy)]
    return [Finding("reasoner", f"{path}, by its Hugging Face name")]


def fitting(recipe: Recipe, looked: Sequence[Episode]) -> list[Finding]:
    """Does the reasoner fit its folder, and what it will be shown and asked?"""
    turns = [turn for episode in looked for turn in episode.turns]
    asked = Asked(
        shown=sorted({picture.size for turn in turns for picture in turn.seen.pictures}),
        taught=recipe.stages.cold_start.steps > 0,
        prompt="\n".join(value for value in dict(recipe.env).values() if isinstance(value, str)),
        said=sorted({turn.said.text for turn in turns}),
        room=recipe.rollout.reply_tokens,
    )
    return fits(recipe.reasoner, asked)


def served(recipe: Recipe) -> Iterator[Finding]:
    """Can vLLM play this reasoner? It would fail at the first picture."""
    if recipe.rollout.backend == "vllm" and not recipe.reasoner.on_vllm:
        counted = "vllm counts the tokens of this reasoner's pictures as if each were as large as its processor allows"
        yield Finding("rollout", "vllm", remedy=f"rollout.backend: {counted}; set it to transformers")


def players(recipe: Recipe) -> Iterator[Finding]:
    """Those who play without a model, where there are none of these names."""
    stages = recipe.stages
    for stage, asked in (("cold_start", stages.cold_start.players), ("eval", stages.eval.players)):
        for name in asked:
            if name not in PLAYERS:
                remedy = f"stages.{stage}.players: no player {name!r}; {nearest(name, PLAYERS)}"
                yield Finding("players", name, remedy=remedy)


def demonstrations(recipe: Recipe) -> Iterator[Finding]:
    """A cold start reads them when a reasoner is built and verl imported."""
    stage = recipe.stages.cold_start
    if stage.steps and stage.conversations and not Path(stage.conversations).is_file():
        remedy = f"stages.cold_start.conversations: there is no file {stage.conversations!r}; it counts from here"
        yield Finding("demonstrations", stage.conversations, remedy=remedy)


def question(looked: Sequence[Episode]) -> Iterator[Finding]:
    """Is the policy told what is asked of it? A misspelt place in a prompt stays as it is."""
    silent = sum(episode.task.question.strip() not in episode.turns[0].seen.text for episode in looked if episode.turns)
    if silent:
        found = f"not in the first observation of {silent} of {len(looked)} episodes; has env.prompt its {{question}}?"
        yield Finding("question", found, doubtful=True)


# ---- tokens ---------------------------------------------------------------------------------------------------------


def tokens(recipe: Recipe, looked: Sequence[Episode]) -> list[Finding]:
    """The longest episode there can be, against the limits of the rollout."""
    rules, rollout = recipe.env, recipe.rollout
    shown = [counts(episode, rules) for episode in looked]
    first = max((turns[0] for turns in shown if turns), key=lambda each: each.all, default=Count(0, 0))
    later = max((turn for turns in shown for turn in turns[1:]), key=lambda each: each.all, default=Count(0, 0))
    again = (rules.max_turns - 1) * later.all
    longest = again + rules.max_turns * rollout.reply_tokens
    return [
        Finding(
            "first observation",
            f"{first.all:,} tokens: {first.visual:,} visual, about {first.text:,} of text",
            f"{rollout.prompt_tokens:,}",
            _too_long("rollout.prompt_tokens", rollout.prompt_tokens, first.all, "the first observation"),
        ),
        Finding(
            "longest rest",
            f"{longest:,} tokens: {rules.max_turns} replies of {rollout.reply_tokens:,}, {again:,} of further looks",
            f"{rollout.episode_tokens:,}",
            _too_long("rollout.episode_tokens", rollout.episode_tokens, longest, f"{rules.max_turns} turns"),
        ),
    ]


def _too_long(path: str, limit: int, needed: int, what: str) -> str:
    if needed <= limit:
        return ""
    return f"{path}: {limit} tokens, but {what} may take {needed}; set it to {needed}, or show less in env"


def _greediest(rules: Rules, task: Task) -> list[Episode]:
    """The task played by those who look at all they can until their turns are over."""
    rules = rules.game(task)
    lookers = [Greedy(rules, task, action) for action in rules.grammar.actions]
    expert = expert_of(rules, task)  # knows what an env of others would hear, which the greedy do not
    return [_played(task, rules, each) for each in [*lookers, *([expert] if expert else [])]]


def _played(task: Task, rules: Rules, policy: Policy) -> Episode:
    episode = asyncio.run(play(task, rules, policy))
    if episode.stop is Stop.ERROR:
        raise UserError(f"env: {episode.error} (task {task.id}); mend the env: framework.testing.check_env shows where")
    return episode


# ---- an expert tries it ---------------------------------------------------------------------------------------------


def tried(recipe: Recipe, tasks: Sequence[Task]) -> list[Finding]:
    """What an expert earns, and how exactly it can say where things are."""
    known, why = list[tuple[Task, Policy]](), ""
    for task in tasks:
        try:
            known.append((task, knowing(recipe.env, task)))
        except NoExpert as error:
            why = str(error)
    if not known:
        return [Finding("expert", f"none, so rewards are not tried: {why}", doubtful=True)]
    unknown = f"can answer {len(known)} of the {len(tasks)} tasks looked at; the others are not tried"
    episodes = [_played(task, recipe.env, expert) for task, expert in known]
    earned = recipe.rubric.score(episodes)
    told = liveness.warnings(recipe.rewards, episodes, earned, [task.id for task, _ in known], recipe.env)
    return [
        *([Finding("expert", unknown, doubtful=True)] if len(known) < len(tasks) else []),
        *_coordinates(recipe, episodes),
        *(_alive(name, earned, told.get(name, "")) for name in recipe.rewards),
    ]


def _coordinates(recipe: Recipe, episodes: Sequence[Episode]) -> list[Finding]:
    said = [iou for episode in episodes if (iou := _said(episode)) is not None]
    if not said:
        return []
    convention = recipe.env.sight.coordinates
    how = "pixels of the picture" if convention == "pixels" else f"0–{convention} over the picture"
    found = f"said as {how}; true boxes come back with IoU {sum(said) / len(said):.2f}, at worst {min(said):.2f}"
    low = sum(said) / len(said) < 0.5
    remedy = f"reasoner.coordinates: {convention} is too coarse for these boxes; raise it, or show larger pictures"
    return [Finding("coordinates", found, "≥ 0.50", remedy if low else "")]


def _said(episode: Episode) -> float | None:
    """How well the first box of an expert's answer is the true one."""
    answer, truth = episode.answer, episode.task.truth
    box = next((item.box for item in answer.items if item.box), None) if answer else None
    if box is None or answer is None:
        return None
    frame = answer.keyframe if answer.keyframe is not None else box.space.frame
    return max((true.iou(box) for true in truth.boxes.get(frame, ())), default=None)


def _alive(name: str, earned: Sequence[RewardBreakdown], told: str) -> Finding:
    """Has this reward anything to say about an expert's episodes?"""
    parts = [each.parts[name] for each in earned if name in each.parts]
    failures = [each.failures[name] for each in earned if name in each.failures]
    broken = next((each for each in failures if isinstance(each, Broken)), None)
    nothing = next((each for each in failures if isinstance(each, NotApplicable)), None)
    what, path = f"reward {name}", f"rewards.{name}"
    if broken:
        return Finding(what, "broken", remedy=f"{path}: broken ({broken.reason}); mend the reward, or take it out")
    if not parts and nothing:
        remedy = f"{path}: nothing to measure here ({nothing.reason}); take it out"
        return Finding(what, "nothing to measure", remedy=remedy)
    mean = f"an expert earns {sum(parts) / len(parts):.2f}" if parts else "an expert earns nothing"
    why = told.removeprefix(f"{path}: ")
    found = f"{mean} on {len(parts)} of {len(earned)} tasks{f' ({why})' if why else ''}"
    return Finding(what, found, doubtful=bool(why))
