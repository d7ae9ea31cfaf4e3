"""refCOCO, refCOCO+ and refCOCOg (Yu et al., ECCV 2016; Mao et al., CVPR 2016): papers report cIoU on each split."""

from dataclasses import dataclass
from typing import ClassVar

from framework.vision.protocols.image import Images


@dataclass(frozen=True, slots=True)
class RefCOCO(Images):
    name: ClassVar = "refcoco"
    split: ClassVar = "val"
    columns: ClassVar = ("c_iou", "g_iou")


@dataclass(frozen=True, slots=True)
class RefCOCOPlus(RefCOCO):
    name: ClassVar = "refcoco+"


@dataclass(frozen=True, slots=True)
class RefCOCOg(RefCOCO):
    name: ClassVar = "refcocog"
