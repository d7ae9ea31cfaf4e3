"""ReasonVOS (Bai et al., NeurIPS 2024, VideoLISA): J and F of each expression over its annotated frames."""

from dataclasses import dataclass
from typing import ClassVar

from framework.vision.protocols.protocol import Protocol


@dataclass(frozen=True, slots=True)
class ReasonVOS(Protocol):
    name: ClassVar = "reason_vos"
    split: ClassVar = "valid"
