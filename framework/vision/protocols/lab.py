"""The synthetic world, as prepared data: J and F over all frames, by kind of question."""

from dataclasses import dataclass
from typing import ClassVar

from framework.vision.protocols.protocol import Protocol


@dataclass(frozen=True, slots=True)
class Lab(Protocol):
    name: ClassVar = "lab"
    split: ClassVar = "eval"
