"""Every answered object beside every true one, as arrays over many episodes at once.

episode 0   said A B   true X          P answered objects, K true ones; positions in original pixels
episode 1   said C     true Y Z   ─▶   [episodes, P, K]   A–X  ·        C–Y  C–Z
                                                          B–X  ·         ·    ·       · is NaN
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from framework.reward import Reward
from framework.types import Answer, Episode, Failure, Item, Truth
from rewards.said import Counts, Objects, Said, Values, scored

Side = Annotated[int, Field(ge=1)]
Kind = Literal["box", "point"]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Answered objects beside true ones. Arrays meet by broadcasting: [episodes, P, 1, …] and [episodes, 1, K, …]."""

    said_boxes: Values
    said_points: Values
    true_boxes: Values
    true_points: Values
    sizes: Values
    """[episodes, 1, 1, 2]: width and height of each video."""

    def scale(self, image: tuple[int, int]) -> Values:
        """What a difference in original pixels is multiplied by to count in pixels of an image of this size."""
        return np.array(image) / self.sizes


@dataclass(frozen=True, slots=True)
class Beside:
    """What some answers say and what is true on the frames that they speak of."""

    said: Objects
    true: Objects
    truths: Counts
    """The answers' rows of `true`."""
    sizes: Values
    """[answers, 2]"""
    known: NDArray[np.bool_]
    """Is the truth of that frame known?"""

    @classmethod
    def of(cls, said: Said, items: Sequence[Sequence[Item]]) -> "Beside":
        """These items of each answer, and all true objects of its frame."""
        true = said.true()
        known = (true.counts > 0) | np.array([scene.blank for scene in said.scenes], np.bool_)
        return cls(said.objects(items), true, said.of, said.sizes, known[said.of])

    def pairs(self, rows: Counts, said: int, true: int) -> Pairs:
        """So many objects of each of these answers beside so many true ones."""
        said_boxes, said_points = self.said.grid(rows, said)
        true_boxes, true_points = self.true.grid(self.truths[rows], true)
        sizes = self.sizes[rows, None, None]
        return Pairs(said_boxes[:, :, None], said_points[:, :, None], true_boxes[:, None], true_points[:, None], sizes)


class PairReward(Reward):
    """A number about one answered object and one true one.

    An episode's is that of the first object it says and the true one on that frame which suits it best, `worst` if
    there is none. `matched` joins such numbers over several objects.
    """

    said: ClassVar[Kind] = "box"
    """What it looks at of an answered object."""
    true: ClassVar[Kind] = "box"
    """And of a true one."""
    worst: ClassVar[float] = 0.0
    best: ClassVar[float] = 1.0

    @abstractmethod
    def of_pairs(self, pairs: Pairs) -> Values:
        """[episodes, P, K]; NaN where there is nothing to compare."""

    def __call__(self, episodes: Sequence[Episode]) -> list[float | Failure]:
        return scored(episodes, self._lacking, self._fault, self._score)

    def _lacking(self, truth: Truth) -> str:
        there = truth.boxes if self.true == "box" else truth.points
        return "" if there else f"the task has no true {self.true}"

    def _fault(self, answer: Answer) -> str:
        return "" if self._first(answer) else f"the answer has no {self.said}"

    def _first(self, answer: Answer) -> Item | None:
        return next((item for item in answer.items if (item.box if self.said == "box" else item.point)), None)

    def _score(self, said: Said) -> Values:
        firsts = [[item] if (item := self._first(answer)) else [] for answer in said.answers]
        there = Beside.of(said, firsts)
        most = max(int(there.true.counts.max(initial=0)), 1)
        values = self.of_pairs(there.pairs(np.arange(len(firsts)), 1, most))[:, 0]
        return np.where(there.known, np.where(np.isnan(values), self.worst, values).max(1), np.nan)


class PixelReward(PairReward):
    """A number about a distance in pixels."""

    image: tuple[Side, Side] = (840, 840)
    """Pixels are those of the frame at this width and height."""
