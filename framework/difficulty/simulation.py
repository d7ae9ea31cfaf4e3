"""A length reward at work on policies that do not exist: does it settle, oscillate or collapse?

    policy ─▶ lengths, right or wrong ─▶ the recipe's own length reward ─▶ its advantages ─▶ policy

Tasks have a difficulty D from 1 to 10: those of the recipe's ratings, or some that are spread evenly. For each of its
three levels the policy has a mean μ of ln L and a skill θ. A reply to a task of difficulty D has

    ln L = μ + 0.35 z, z from a normal distribution            its length in tokens, of its thought
    p = σ(θ) · (1 − exp(−2 L ⁄ (15 + 8 D)))                    its chance to be right: thinking helps, less and less
    μ ← μ + 0.03 · pace · mean of A z                          a step along the policy gradient, A the advantage
    θ ← θ + 0.10 · pace · mean of A (right − p)

A right reply earns 1 for each of the other terms, a wrong one nothing, and the length reward acts on that as it would
in a run. This is no forecast: it shows where a controller leads something that follows its rewards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from framework.advantage import ADVANTAGES, Values, joined, ours, totals
from framework.difficulty import rating
from framework.difficulty.course import Line
from framework.difficulty.levels import LEVELS, Difficulty, mean
from framework.difficulty.rating import LEAST, MOST
from framework.errors import UserError
from framework.recipe import Recipe
from framework.reward import FAILURES, Reward
from framework.rubric import TOTAL, Rubric
from framework.source import Source
from framework.types import Action, Answer, Episode, Failure, Observation, Stop, Task, Truth, Turn, Video

TASKS = 240
FIRST = 75.0
"""Tokens of a thought before training: VideoSeg-R1 reports 62 to 90 without a penalty."""
SPREAD, LENGTHENS, LEARNS = 0.35, 0.03, 0.10
AROUND = 20
"""Tokens of a reply beside its thought."""
RIGHT, WRONG = "right", "wrong"


@runtime_checkable
class Controller(Protocol):
    """A reward whose budgets follow difficulty."""

    difficulty: Difficulty

    def at(self, step: int) -> Any: ...

    def lengths(self, episodes: Sequence[Episode]) -> Values: ...

    def budgets(self, episodes: Sequence[Episode]) -> Sequence[float | Failure]: ...


@dataclass
class Policy:
    """What is learned, for each level."""

    length: Values = field(default_factory=lambda: np.full(len(LEVELS), np.log(FIRST)))
    """Mean of ln tokens."""
    skill: Values = field(default_factory=lambda: np.zeros(len(LEVELS)))

    def learn(self, pace: float, level: NDArray[np.intp], longer: Values, better: Values) -> None:
        """One step along the gradient: `longer` and `better` say of each reply how it moves its level's two numbers."""
        count = np.maximum(np.bincount(level, minlength=len(LEVELS)), 1)
        self.length += pace * LENGTHENS * np.bincount(level, longer, len(LEVELS)) / count
        self.skill += pace * LEARNS * np.bincount(level, better, len(LEVELS)) / count

    def lengths(self) -> dict[str, float]:
        """The mean length of each level, without the noise of single replies."""
        return {f"length/{name}": float(np.exp(each)) for name, each in zip(LEVELS, self.length, strict=True)}


class Right(Reward):
    """1 for a right reply, else 0."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        return [float(bool(each.answer and each.answer.text == each.task.truth.answer)) for each in episodes]


class Failing(Reward):
    """The share of its group that is wrong: what group_difficulty says where that is known."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float]:
        if not episodes:
            return []
        group = np.unique([each.task.id for each in episodes], return_inverse=True)[1]
        wrong = 1 - np.array(Right()(episodes))
        return (np.bincount(group, wrong) / np.bincount(group))[group].tolist()


def controller(recipe: Recipe) -> str:
    """The reward of a recipe that is simulated."""
    found = [name for name, reward in recipe.rewards.items() if isinstance(reward, Controller)]
    if not found:
        raise UserError("rewards: none has budgets by difficulty; add one, as in: rewards.length.use=soft_length")
    return found[0]


def simulate(recipe: Recipe, steps: int, pace: float = 1.0, without: bool = False) -> list[Line]:
    """The figures of each step; with `without`, those of the same policy in a recipe that has no length reward."""
    name, lots, policy = controller(recipe), np.random.default_rng(recipe.seed), Policy()
    reward = _alone(recipe.rewards[name])
    tasks = population(cast(Controller, reward).difficulty, recipe.data.train, lots)
    worth = sum(max(weight, 0.0) for other, weight in recipe.rubric.weights().items() if other != name) or 1.0
    simulation = Simulation(
        recipe=recipe,
        rubric=Rubric({RIGHT: Right(weight=worth)} | ({} if without else {name: reward})),
        controller=cast(Controller, reward),
        worth=worth,
        tasks=tasks,
        pace=pace,
    )
    return [{"step": step} | simulation.step(policy, step, lots) for step in range(1, steps + 1)]


def _alone(reward: Reward) -> Reward:
    """The length reward where there is no other but `right`."""
    known = cast(Controller, reward).difficulty
    return reward.model_copy(
        update={
            "difficulty": known.model_copy(update={"by": Failing()}) if known.by else known,
            "multiplies": (TOTAL,) if reward.multiplies else (),
            "only_if": {},
        }
    )


def population(known: Difficulty, source: Source, lots: np.random.Generator) -> list[tuple[Task, float]]:
    """Tasks and their difficulty: those of the recipe's ratings, the lab's own clips, or made up and evenly spread."""
    if known.ratings:
        rated = sorted(rating.read(Path(known.ratings)).items())
        chosen: list[int] = lots.permutation(len(rated))[:TASKS].tolist()
        return [(_task(rated[place][0]), mean(rated[place][1])) for place in chosen]
    if known.rater == "lab":
        clips = [source.task(row) for row in range(min(TASKS, source.size()))]
        rated = zip(clips, rating.by_lab(clips), strict=True)
        return [(replace(clip, truth=Truth(answer=RIGHT)), mean(each)) for clip, each in rated]
    return [(_task(f"task {number}"), float(hard)) for number, hard in enumerate(np.linspace(LEAST, MOST, TASKS))]


def _task(name: str) -> Task:
    return Task(id=name, question="?", video=Video("simulated", 1, 1, 1), truth=Truth(answer=RIGHT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """A policy and rewards at work on some tasks."""

    recipe: Recipe
    rubric: Rubric
    controller: Controller
    worth: float
    tasks: Sequence[tuple[Task, float]]
    pace: float

    def step(self, policy: Policy, step: int, lots: np.random.Generator) -> dict[str, float]:
        """One step: replies are drawn, scored and learned from. Its figures, over all replies and by level."""
        algorithm = self.recipe.algorithm
        picked: list[int] = lots.permutation(len(self.tasks))[: algorithm.prompts].tolist()
        tasks, hard = zip(*(self.tasks[task] for task in picked for _ in range(algorithm.group)), strict=True)
        hard = np.array(hard, np.float64)
        level = np.array([LEVELS.index(self.controller.difficulty.level(each)) for each in hard.tolist()])
        z = lots.standard_normal(len(tasks))
        length = np.exp(policy.length[level] + SPREAD * z).clip(1, self.recipe.rollout.reply_tokens).round()
        chance = (1 - np.exp(-2 * length / (15 + 8 * hard))) / (1 + np.exp(-policy.skill[level]))
        right = lots.random(len(tasks)) < chance
        episodes = [_episode(*each) for each in zip(tasks, length.tolist(), right.tolist(), strict=True)]
        reward, advantage = self._scored(episodes, step)
        policy.learn(self.pace, level, advantage * z, advantage * (right - chance))
        now = self.controller.at(step)
        budgets: Sequence[float | Failure] = now.budgets(episodes)
        budget = np.array([np.nan if isinstance(each, FAILURES) else each for each in budgets], np.float64)
        over = (now.lengths(episodes) > budget).astype(np.float64)
        figures = {"right": chance, "reward": reward, "length": length, "budget": budget, "over": over}
        return _means(figures, level) | policy.lengths()

    def _scored(self, episodes: Sequence[Episode], step: int) -> tuple[Values, Values]:
        """What each earns, of the most there is, and its advantage."""
        groups = [episode.task.id for episode in episodes]
        earned = self.rubric.score(episodes, step)
        name = ours(self.recipe.algorithm.advantage)
        advantage = ADVANTAGES[name](joined(name, earned, self.rubric.weights(step), groups), groups)
        return totals(earned) / self.worth, advantage


def _means(figures: Mapping[str, Values], level: NDArray[np.intp]) -> dict[str, float]:
    """Of all replies, and of those to tasks of each level that there was."""
    found = {name: float(values.mean()) for name, values in figures.items()}
    for place in np.unique(level).tolist():
        here = level == place
        found |= {f"{name}/{LEVELS[place]}": float(values[here].mean()) for name, values in figures.items()}
    return found


def _episode(task: Task, length: float, right: bool) -> Episode:
    thought = int(length)
    said = Action("", Answer(text=RIGHT if right else WRONG), tokens=thought + AROUND, thought=thought)
    return Episode(task=task, turns=(Turn(Observation(("?",)), said),), stop=Stop.ANSWERED)
