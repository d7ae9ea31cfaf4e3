"""MeViS: expressions of motion, of one or several objects.

{train,valid_u,valid}/{JPEGImages/<video>/00000.jpg, meta_expressions.json, mask_dict.json}; `valid` has no masks
"""

from pathlib import Path

from framework.data.meta_expressions import MetaExpressions
from framework.data.outlines import MaskDict, Outlines


class MeViS(MetaExpressions):
    name = "mevis"
    licence = "CC BY-NC-SA 4.0"
    splits = ("train", "valid_u", "valid")

    def meta_path(self) -> Path:
        return self.root / self.split / "meta_expressions.json"

    def images(self, video: str) -> Path:
        return self.root / self.split / "JPEGImages" / video

    def opened_outlines(self) -> Outlines | None:
        return None if self.split == "valid" else MaskDict(self.root / self.split / "mask_dict.json")
