"""Long-RVOS (Liang et al., arXiv 2505.12702): beside J and F, whether the target is seen when it is there (tIoU), and
both together (vIoU). Expressions speak of looks (static), of motion (dynamic), or of both (hybrid).

    target in frames      0 1 2 3 4
    drawn in frames       · · 2 3 4 5    tIoU = 3 / 6, vIoU = (J₂ + J₃ + J₄) / 6
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from framework.vision import masks
from framework.vision.metrics import temporal_iou, volume_iou
from framework.vision.predictions import Prediction
from framework.vision.protocols.protocol import Case, Protocol, Scored, seen_in

SKIPPED = "71fb69bbcd"


@dataclass(frozen=True, slots=True)
class LongRVOS(Protocol):
    name: ClassVar = "long_rvos"
    split: ClassVar = "valid"
    columns: ClassVar = ("j_and_f", "j", "f", "t_iou", "v_iou")
    quirks: ClassVar = (
        "as VideoSEG-O3's script has it: expressions without a prediction are left out, and so is video 71fb69bbcd; "
        "a frame without a prediction is an empty one"
    )

    def expression(self, case: Case, said: Prediction | None) -> Scored:
        frames = self.frames(case)
        if self.compat and said is not None:
            empty = masks.encode(np.zeros((case.height, case.width), np.bool_))
            said = Prediction(dict.fromkeys(frames, empty) | dict(said.masks))
        found = self.by_frame(case, said)
        there = np.array([any(masks.area(mask) for mask in each) for each in seen_in(case.objects, frames)])
        given = seen_in([said.masks] if said else [], frames)
        seen = np.array([any(masks.area(mask) for mask in each) for each in given])
        values = {name: float(values.mean()) for name, values in found.items()}
        values |= {"t_iou": temporal_iou(seen, there), "v_iou": volume_iou(found["j"], seen, there)}
        return self.scored(case, said, values)

    def counts(self, scored: Scored) -> bool:
        return not (self.compat and (scored.missing or scored.video == SKIPPED))
