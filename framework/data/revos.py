"""ReVOS: expressions that refer, that need reasoning, and that ask for what is not there.

JPEGImages/<source>/<video>/00000.jpg    meta_expressions_{train,valid}_.json    mask_dict.json
                                         mask_dict_foreground.json: all that is annotated in a video of `valid`
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from framework.data.files import first_there, json_of, mapping
from framework.data.meta_expressions import MetaExpressions
from framework.data.outlines import MaskDict, Outlines, Place, run_lengths
from framework.data.schema import FOREGROUND, Object


class ReVOS(MetaExpressions):
    name = "revos"
    licence = "CC BY-NC-SA 4.0; videos from MOSE, MeViS, LV-VIS, OVIS, TAO and UVO under their own terms"
    caution = (
        "masks of many videos of TAO, and of some of UVO, do not lie on the frames with which they are listed "
        "(github.com/cilinyan/VISA, issues 9 and 18); look at these before you train on them"
    )
    splits = ("train", "valid")
    kinds: ClassVar = {"0": "referring", "1": "reasoning", "2": "hallucination"}

    def meta_path(self) -> Path:
        return self.root / f"meta_expressions_{self.split}_.json"

    def images(self, video: str) -> Path:
        return first_there(self.root / "JPEGImages" / video, self.root / video)

    def opened_outlines(self) -> Outlines:
        return MaskDict(self.root / "mask_dict.json")

    @cached_property
    def foreground(self) -> dict[str, Any]:
        path = self.root / "mask_dict_foreground.json"
        return mapping(json_of(path), str(path)) if path.exists() else {}

    def beside(self, place: Place) -> Sequence[Object]:
        if place.video not in self.foreground:
            return []
        where = f"mask_dict_foreground.json, video {place.video}"
        entries = mapping(self.foreground[place.video], where).get("masks_rle")
        return [Object(id=FOREGROUND, masks=run_lengths(entries, place, where))]
