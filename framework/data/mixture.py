"""Several sources as one.

data:
  train:
    use: mixture
    of: {mevis: {use: prepared, …}, davis: {use: prepared, …}}
    weights: {davis: 3}

    mevis 0 … 99 ─┐
    davis 0 …  9 ─┴▶ 0 … 99 of mevis, then 100 … 129: each of davis thrice
"""

from bisect import bisect
from itertools import accumulate
from typing import Annotated

from pydantic import Field, model_validator

from framework.config import Fault, Name, SerializeAsAny, chosen
from framework.errors import DataError
from framework.registry import nearest
from framework.source import Source
from framework.types import Task


class Mixture(Source):
    """The tasks of all of them, one source after another; whoever draws from it by lot meets them mixed."""

    of: dict[Name, Annotated[SerializeAsAny[Source], chosen("data")]] = Field(min_length=1)
    """Name → a source."""
    weights: dict[Name, Annotated[float, Field(gt=0)]] = Field(default_factory=dict[Name, float])
    """How often each task of a source is there, 1 if not said: 2 has each twice, 0.5 every other one."""

    @model_validator(mode="after")
    def _weighs_what_is_there(self) -> "Mixture":
        if unknown := next((name for name in self.weights if name not in self.of), None):
            raise Fault(("weights", unknown), f"is no source of this mixture; {nearest(unknown, self.of)}")
        return self

    def size(self) -> int:
        return sum(self._counts())

    def task(self, index: int) -> Task:
        ends = list(accumulate(counts := self._counts()))
        if not 0 <= index < ends[-1]:
            raise DataError(f"mixture: there is no row {index} among {ends[-1]:,}; ask for a lower one")
        place = bisect(ends, index)
        source = list(self.of.values())[place]
        return source.task((index - ends[place] + counts[place]) * source.size() // counts[place])

    def _counts(self) -> list[int]:
        """How many tasks of each source there are in all."""
        return [round(self.weights.get(name, 1.0) * source.size()) for name, source in self.of.items()]
