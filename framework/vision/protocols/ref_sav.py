"""Ref-SAV (Yuan et al., arXiv 2501.04001, Sa2VA): overall is the mean of the means of long and short expressions."""

from dataclasses import dataclass
from typing import ClassVar

from framework.vision.protocols.protocol import Protocol


@dataclass(frozen=True, slots=True)
class RefSAV(Protocol):
    name: ClassVar = "ref_sav"
    split: ClassVar = "valid"
    overall: ClassVar = ("long", "short")
