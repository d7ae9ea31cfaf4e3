"""ReVOS (Yan et al., ECCV 2024, VISA): J, F, and how well nothing is drawn where nothing should be.

overall = mean of the means of referring and reasoning expressions; those that ask for what is not there stand by
themselves, and R is what tells about them
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from framework.vision.metrics import pixel_accuracies, robustnesses, similarities_and_accuracies
from framework.vision.predictions import Prediction
from framework.vision.protocols.protocol import Case, Clip, Protocol, Scored, Values, clip, drawn, seen_in

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ReVOS(Protocol):
    name: ClassVar = "revos"
    split: ClassVar = "valid"
    columns: ClassVar = ("j", "f", "j_and_f", "a", "r")
    overall: ClassVar = ("referring", "reasoning")
    quirks: ClassVar = (
        "objects are summed in 8 bits, so that A and R suffer where they overlap; A and R take the pixels of a PNG for "
        "numbers, 255 as well; an expression that lacks a frame scores 0; scores are rounded to 0.01 %"
    )

    def expression(self, case: Case, said: Prediction | None) -> Scored:
        if not self.compat:
            return Protocol.expression(self, case, said)
        frames = self.frames(case)
        whole = said is not None and all(frame in said.masks for frame in frames)
        values = as_the_script(case, said or Prediction({}), frames)
        rounded = {name: round(100 * value, 2) / 100 if whole else 0.0 for name, value in values.items()}
        return self.scored(case, said, rounded)

    def measure(self, case: Case, frames: Sequence[int], pred: Clip, right: Clip) -> Values:
        j, f = similarities_and_accuracies(pred, right)
        found = {"j": j, "f": f, "a": pixel_accuracies(pred, right)}
        if case.foreground is not None:
            found["r"] = robustnesses(pred, right, clip(case, seen_in([case.foreground], frames)))
        return found


def as_the_script(case: Case, said: Prediction, frames: Sequence[int]) -> dict[str, float]:
    """J, F, A and R as VISA's tools/eval_revos.py has them.

    a pixel of two objects    truth 2, 1 - 2 = 255    a perfect prediction has robustness 0 there
    a PNG of 0 and 255        255 is not 1            every pixel that is told rightly is held to be wrong
    """
    summed: Grey = np.zeros((len(frames), case.width, case.height), np.uint8)
    for each in case.objects:
        summed += clip(case, seen_in([each], frames))
    stored: Grey = drawn(case, said, frames) * np.uint8(said.level)
    j, f = similarities_and_accuracies(stored > 0, summed > 0)
    found = {"j": j, "f": f, "a": (stored == summed).mean((1, 2))}
    if case.foreground is not None:
        wrong = ((np.uint8(1) - summed) * stored).sum((1, 2))
        everything = clip(case, seen_in([case.foreground], frames)).sum((1, 2))
        found["r"] = np.maximum(1 - wrong / (everything + 1e-6), 0.0)
    return {name: float(values.mean()) for name, values in found.items()}
