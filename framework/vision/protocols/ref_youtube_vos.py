"""Ref-YouTube-VOS (Seo et al., ECCV 2020): J and F of each expression over its annotated frames, every fifth.

The masks of `valid` are on a server; `limner score --export` writes what it takes. What is scored here is `train`.
"""

from dataclasses import dataclass
from typing import ClassVar

from framework.vision.protocols.protocol import Protocol


@dataclass(frozen=True, slots=True)
class RefYouTubeVOS(Protocol):
    name: ClassVar = "ref_youtube_vos"
    split: ClassVar = "valid"
