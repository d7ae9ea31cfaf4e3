"""Ref-DAVIS17 (Khoreva et al., ACCV 2018): each of four annotators described every object of a video.

official          what was drawn for one annotator's expressions is one picture of numbered objects: a pixel belongs to
                  the first object that claims it. Scores are means over objects, then over annotators.
per expression    every expression by itself, as several papers report
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from framework.errors import DataError
from framework.types import AnyMask
from framework.vision import masks
from framework.vision.predictions import Prediction
from framework.vision.protocols.protocol import Case, Pair, Protocol, Scored

ANNOTATORS = ("annotator 1", "annotator 2", "annotator 3", "annotator 4")


@dataclass(frozen=True, slots=True)
class RefDAVIS17(Protocol):
    name: ClassVar = "ref_davis17"
    split: ClassVar = "valid"
    overall: ClassVar = ANNOTATORS
    quirks: ClassVar = (
        "drawn objects are matched to the true ones of a video so that J&F is best, whatever was said of which, as the "
        "evaluation of unsupervised DAVIS 2017 does"
    )

    def video(self, pairs: Sequence[Pair]) -> list[Scored]:
        by_annotator: dict[int, list[Pair]] = {}
        for case, said in sorted(pairs, key=lambda pair: _number(pair[0], "object")):
            by_annotator.setdefault(_number(case, "annotator"), []).append((case, said))
        return [each for who in sorted(by_annotator) for each in self._annotator(who, by_annotator[who])]

    def _annotator(self, who: int, pairs: Sequence[Pair]) -> list[Scored]:
        cases = [replace(case, type=ANNOTATORS[who % len(ANNOTATORS)]) for case, _ in pairs]
        said = without_overlap([each for _, each in pairs])
        if not self.compat:
            return [self.expression(case, each) for case, each in zip(cases, said, strict=True)]
        import scipy.optimize  # pyright: ignore[reportMissingTypeStubs]

        optimize: Any = scipy.optimize
        every = [[self.expression(case, each) for case in cases] for each in said]
        gain = np.array([[one.values["j"] + one.values["f"] for one in row] for row in every])
        drawn, true = optimize.linear_sum_assignment(gain, maximize=True)
        return [every[row][column] for column, row in sorted(zip(true.tolist(), drawn.tolist(), strict=True))]


@dataclass(frozen=True, slots=True)
class RefDAVIS17PerExpression(Protocol):
    name: ClassVar = "ref_davis17_per_expression"
    split: ClassVar = "valid"


def without_overlap(several: Sequence[Prediction | None]) -> list[Prediction | None]:
    """The same objects, each without the pixels that one before it has."""
    taken: dict[int, masks.Dense] = {}
    found: list[Prediction | None] = []
    for said in several:
        own: dict[int, AnyMask] = {}
        for frame, mask in said.masks.items() if said else ():
            dense = masks.decode(mask)
            before = taken.get(frame)
            own[frame] = mask if before is None else masks.pack(dense & ~before)
            taken[frame] = dense if before is None else dense | before
        found.append(Prediction(own) if said else None)
    return found


def _number(case: Case, what: str) -> int:
    number = case.extra.get(what)
    if not isinstance(number, int):
        where = f"video {case.video}, expression {case.expression}"
        raise DataError(f"{where}: does not say its {what}; prepare the data again, or use ref_davis17_per_expression")
    return number
