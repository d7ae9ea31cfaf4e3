"""ReasonVOS: questions that need knowledge of the world, about videos of VIPSeg, BURST, MOSE and MeViS.

    JPEGImages/<video>/…    meta_expressions.json: expressions as a list    Annotations/<source>_<video>_<obj_id>/….png
                            meta_expressions_format.json and mask_dict.json: the same, as others have rewritten it

Of BURST only some frames are annotated: a frame without a PNG is unknown. VIPSeg's folders write the object in nine
digits. The rewritten form, read only without Annotations, gives some expressions the masks of another object: they name
one object, and their anno_id is that of an earlier expression of another. These are left out.
"""

from pathlib import Path
from typing import Any

from framework.data.files import first_there, mapping
from framework.data.meta_expressions import MetaExpressions, Said, several
from framework.data.outlines import MaskDict, Outlines, Separate
from framework.errors import DataError


class ReasonVOS(MetaExpressions):
    name = "reason_vos"
    licence = "for research, not for commerce; videos of VIPSeg, BURST, MOSE and MeViS under their own terms"
    splits = ("valid",)

    @property
    def rewritten(self) -> bool:
        return not (self.root / "Annotations").is_dir() and (self.root / "mask_dict.json").is_file()

    def meta_path(self) -> Path:
        return self.root / ("meta_expressions_format.json" if self.rewritten else "meta_expressions.json")

    def images(self, video: str) -> Path:
        return self.root / "JPEGImages" / video

    def opened_outlines(self) -> Outlines:
        self.naming = ("anno_id",) if self.rewritten else ("obj_id",)
        if self.rewritten:
            return MaskDict(self.root / "mask_dict.json")
        return Separate(self._folder, lacking_is_absent=False)

    def _folder(self, video: str, object: str) -> Path:
        there = self.root / "Annotations"
        name = f"{self._source(video)}_{video}_"
        return first_there(there / f"{name}{object}", there / f"{name}{object.zfill(9)}")

    def named(self, video: str, expression: str, said: Said) -> tuple[str, ...]:
        found = super().named(video, expression, said)
        if not self.rewritten:
            return found
        object, others = several(said.get("obj_id")), self.said(video).values()
        first = next(several(each.get("obj_id")) for each in others if several(each.get("anno_id")) == found)
        if first != object:
            number, seen, asked = (", ".join(each) for each in (found, first, object))
            raise DataError(f"mask_dict.json, annotation {number}: is of object {seen}, but {asked} is asked for")
        return found

    def _source(self, video: str) -> str:
        return str(mapping(self.meta[video], f"video {video}").get("source", "")).lower()

    def extra(self, video: str, position: int, said: Said) -> dict[str, Any]:
        return {"source": self._source(video)}
