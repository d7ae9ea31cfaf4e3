"""Are the answered objects the true ones, each told once?"""

from collections.abc import Sequence
from itertools import permutations
from typing import Annotated, Any, cast

import numpy as np
from pydantic import Field, field_validator

from framework.config import Fault, Name, SerializeAsAny, chosen
from framework.reward import Reward
from framework.truth import nowhere
from framework.types import Answer, Episode, Failure, Truth
from rewards.box import BoxHit, BoxNear
from rewards.pairs import Beside, Kind, PairReward
from rewards.point import PointNear
from rewards.said import Counts, Said, Values, scored

ENUMERATED = 4
"""Up to so many objects all assignments are tried at once, for all episodes; beyond, one by one."""
BLOCK = 2**20
"""Pairs that are held at a time."""

Terms = dict[Name, Annotated[SerializeAsAny[Reward], chosen("reward")]]


def _vision_reasoner() -> Terms:
    return {"box_iou": BoxHit(), "box_l1": BoxNear(), "point": PointNear(own_box=True)}


class Matched(Reward):
    """Σ over matched pairs of Σ weight · term  ⁄  max(objects said, objects true); in [0, Σ weight · most of term].

    Objects are matched one to one so that the sum is greatest (Hungarian matching). The terms of VideoSeg-R1 and
    VisionReasoner are the default: IoU over 0.5, mean difference under 10 pixels, point within 30 pixels and inside its
    own box; in [0, 3]. `of: {iou: box_iou}` is the plain IoU of boxes.

    To say nothing where the target is nowhere in the clip earns the most; on a frame without the target, of a clip that
    has it, it earns nothing. A term below 0 counts 0.
    """

    of: Terms = Field(default_factory=_vision_reasoner, min_length=1)
    """Name → a reward of pairs: box_iou, box_hit, point_near … Their `weight` counts."""
    most: int = Field(default=120, ge=1)
    """Objects beyond so many are not looked at, but counted."""

    @field_validator("of")
    @classmethod
    def _are_of_pairs(cls, of: Terms) -> Terms:
        for name, term in of.items():
            if not isinstance(term, PairReward):
                raise Fault((name,), f"{type(term).__name__} is no reward of pairs; take box_iou, point_near …")
            for setting in ("shape", "clamp", "only_if", "multiplies"):
                if getattr(term, setting):
                    raise Fault((name, setting), "has no meaning for a pair; set it on the reward that matches")
            if term.weight < 0:
                raise Fault((name, "weight"), f"{term.weight:g} will not do; it should be 0 or more")
        return of

    @property
    def terms(self) -> list[PairReward]:
        return [cast(PairReward, term) for term in self.of.values()]

    @property
    def best(self) -> float:
        """What a perfect answer earns."""
        return sum(term.weight * term.best for term in self.terms)

    def at(self, step: int) -> "Matched":
        return super().at(step).model_copy(update={"of": {name: term.at(step) for name, term in self.of.items()}})

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        needs: set[Kind] = {term.true for term in self.terms}

        def lacking(truth: Truth) -> str:
            lacks = [kind for kind in needs if not (truth.boxes if kind == "box" else truth.points)]
            return f"the task has no true {min(lacks)}" if lacks and not nowhere(truth) else ""

        return scored(episodes, lacking, _fault, self._score)

    def _score(self, said: Said) -> Values:
        there = Beside.of(said, [answer.items for answer in said.answers])
        counts = np.stack([there.said.counts, there.true.counts[there.truths]])
        seen = np.minimum(counts, self.most)
        scores, larger = np.where(there.known, 0, np.nan), np.where(there.known & seen.all(0), seen.max(0), 0)
        for size in np.unique(larger[larger > 0]).tolist():
            rows = np.flatnonzero(larger == size)
            for block in np.array_split(rows, -(-len(rows) * size * size // BLOCK)):
                scores[block] = matched(self._pairwise(there, block, size))
        scores /= np.maximum(counts.max(0), 1)
        for row in map(int, np.flatnonzero(~counts.any(0))):
            if nowhere(said.scenes[int(said.of[row])].truth):
                scores[row] = self.best
        return scores

    def _pairwise(self, there: Beside, rows: Counts, size: int) -> Values:
        """What each pair would earn: [rows, size, size], 0 where there is none."""
        pairs = there.pairs(rows, size, size)
        scores = np.zeros((len(rows), size, size))
        for term in self.terms:
            scores = scores + term.weight * np.fmax(term.of_pairs(pairs), 0)
        return scores


def _fault(answer: Answer) -> str:
    return "the answer has no objects" if answer.text and not answer.items else ""


def matched(scores: Values) -> Values:
    """Of square tables [n, size, size], the greatest sum that takes one number of each row and of each column."""
    size = scores.shape[1]
    if size > ENUMERATED:
        return np.array([_assigned(table) for table in scores])
    rows = range(size)
    sums = [np.add.reduce([scores[:, row, columns[row]] for row in rows]) for columns in permutations(rows)]
    return np.maximum.reduce(sums)


def _assigned(table: Values) -> float:
    import scipy.optimize  # pyright: ignore[reportMissingTypeStubs]

    optimize: Any = scipy.optimize
    return float(table[optimize.linear_sum_assignment(table, maximize=True)].sum())
