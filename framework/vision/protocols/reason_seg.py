"""ReasonSeg (Lai et al., CVPR 2024, LISA): pixels that its annotators marked to be ignored count for nothing."""

from dataclasses import dataclass
from typing import ClassVar

from framework.vision.protocols.image import Images


@dataclass(frozen=True, slots=True)
class ReasonSeg(Images):
    name: ClassVar = "reason_seg"
    split: ClassVar = "val"
