"""Of sets of images: gIoU, the mean of their IoU, and cIoU, all shared areas over all united ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from framework.vision.metrics import areas, c_iou
from framework.vision.predictions import Prediction
from framework.vision.protocols.protocol import Case, Protocol, Scored, drawn, true


@dataclass(frozen=True, slots=True)
class Images(Protocol):
    """An expression without a prediction shares nothing, and its whole truth is united area."""

    columns: ClassVar = ("g_iou", "c_iou")

    def expression(self, case: Case, said: Prediction | None) -> Scored:
        frames = self.frames(case)
        shared, united = areas(drawn(case, said or Prediction({}), frames), true(case, frames))
        scored = Protocol.expression(self, case, said)
        return replace(scored, values={**scored.values, "shared": float(shared.sum()), "united": float(united.sum())})

    def means(self, scored: Sequence[Scored]) -> dict[str, float]:
        found = Protocol.means(self, scored)
        shared, united = (np.array([each.values[name] for each in scored]) for name in ("shared", "united"))
        kept = {name: value for name, value in found.items() if name not in ("shared", "united")}
        return kept | {"g_iou": found["j"], "c_iou": c_iou(shared, united)}
