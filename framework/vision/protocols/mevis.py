"""MeViS (Ding et al., ICCV 2023): J and F of each expression over all frames, on the part of the validation set whose
masks are public (valid_u). Those of `valid` are on a server; `limner score --export` writes what it takes.
"""

from dataclasses import dataclass
from typing import ClassVar

from framework.vision.protocols.protocol import Protocol


@dataclass(frozen=True, slots=True)
class MeViS(Protocol):
    name: ClassVar = "mevis"
    split: ClassVar = "valid_u"
