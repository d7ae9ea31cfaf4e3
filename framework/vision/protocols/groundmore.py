"""GroundMoRe (Deng et al., CVPR 2025): 20 frames spread evenly over the clip count, and by kind of question.

200 frames ─▶ 0 10 20 31 41 … 199    the target is there from action_start to action_end, and nowhere else
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from framework.vision.protocols.protocol import Case, Protocol, Scored

FRAMES = 20


@dataclass(frozen=True, slots=True)
class GroundMoRe(Protocol):
    name: ClassVar = "groundmore"
    split: ClassVar = "test"
    quirks: ClassVar = "questions without a prediction are left out"

    def frames(self, case: Case) -> Sequence[int]:
        return np.linspace(0, case.length - 1, FRAMES, dtype=int).tolist()

    def counts(self, scored: Scored) -> bool:
        return not (self.compat and scored.missing)
