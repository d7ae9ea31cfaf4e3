"""How hard a task is: easy, medium or hard.

    ratings.json, of five axes      D = their mean                       ─┐
    rater: lab, of its own clips    D = their mean                       ─┼─▶ D ≤ tau_easy ─▶ easy, D ≥ tau_hard ─▶ hard
    by: group_difficulty            D = 1 + 9 · share that fails so far  ─┘

The ratings are made once, before training (rating.py), and stay as they are; the share of a group that fails changes as
the policy learns. A task of which nothing is known is medium. Levels and ratings are those of VideoSeg-R1
(arXiv 2511.16077), whose text does not give the thresholds.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from framework.config import Fault, SerializeAsAny, Settings
from framework.difficulty import rating
from framework.difficulty.rating import LEAST, MOST, Rater, Ratings
from framework.reward import FAILURES, Reward, part
from framework.types import Broken, Episode, Failure

Level = Literal["easy", "medium", "hard"]
LEVELS: tuple[Level, ...] = get_args(Level)


class Difficulty(Settings):
    """Where the difficulty of a task comes from, and where easy ends and hard begins."""

    ratings: str = ""
    """A file of ratings; a task that is not in it is medium."""
    rater: Rater | None = None
    """Who makes that file, for `limner reward rate`: a model that sees pictures; or `lab`, which knows its own clips so
    well that it needs no file."""
    by: Annotated[SerializeAsAny[Reward], part()] | None = None
    """Instead of ratings: a reward that says from 0 to 1 how hard it is now, as group_difficulty does."""
    tau_easy: float = Field(default=4.0, ge=LEAST, le=MOST)
    """Easy up to here, on a scale from 1 to 10."""
    tau_hard: float = Field(default=7.0, ge=LEAST, le=MOST)
    """Hard from here on."""

    @model_validator(mode="after")
    def _knows_one_way(self) -> "Difficulty":
        if self.tau_hard <= self.tau_easy:
            raise Fault(("tau_hard",), f"{self.tau_hard:g} will not do; it should lie above tau_easy={self.tau_easy:g}")
        if (self.ratings or self.rater == "lab") and self.by:
            raise Fault(("by",), "difficulty comes from ratings or from a reward; take one of the two out")
        return self

    def levels(self, episodes: Sequence[Episode]) -> list[Level | Broken]:
        """How hard the task of each episode is."""
        if self.by:
            return [self._said(each) for each in self.by(episodes)]
        if self.rater == "lab" and not self.ratings:
            return [self.level(mean(each)) for each in rating.by_lab([episode.task for episode in episodes])]
        known: Ratings = rating.read(Path(self.ratings)) if self.ratings else {}
        return [self.level(mean(known.get(episode.task.id, ()))) for episode in episodes]

    def level(self, difficulty: float) -> Level:
        """
        >>> [Difficulty().level(each) for each in (4.0, 4.2, 7.0, float("nan"))]
        ['easy', 'medium', 'hard', 'medium']
        """
        return "easy" if difficulty <= self.tau_easy else "hard" if difficulty >= self.tau_hard else "medium"

    def _said(self, hard: float | Failure) -> Level | Broken:
        if isinstance(hard, Broken):
            return hard
        return "medium" if isinstance(hard, FAILURES) else self.level(of_share(hard))


def mean(ratings: Sequence[float]) -> float:
    """D of some ratings; NaN of none."""
    return sum(ratings) / len(ratings) if ratings else float("nan")


def of_share(fails: float) -> float:
    """D of a group, from the share of it that fails."""
    return LEAST + (MOST - LEAST) * fails
