"""Long-RVOS: videos of a minute, with expressions of looks, of motion, and of both.

    {train,valid,test}/{JPEGImages/<video>/<frame>.jpg, Annotations/<video>/<object>/<frame>.png, meta_expressions.json}

An object without a PNG in a frame is not seen in it. `test` has no masks. Some keep the masks of `train` in
mask_dict.json, with their numbers in meta_expressions_with_anno.json.
"""

from pathlib import Path

from framework.data.files import first_there
from framework.data.meta_expressions import MetaExpressions
from framework.data.outlines import MaskDict, Outlines, Separate
from framework.errors import DataError


class LongRVOS(MetaExpressions):
    name = "long_rvos"
    licence = "annotations Apache-2.0, as their card says; videos under the terms of their sources"
    splits = ("train", "valid", "test")
    naming = ("obj_id", "anno_id")

    @property
    def home(self) -> Path:
        return self.root / self.split

    @property
    def apart(self) -> bool:
        return (self.home / "Annotations").is_dir()

    def meta_path(self) -> Path:
        usual = self.home / "meta_expressions.json"
        return usual if self.apart else first_there(self.home / "meta_expressions_with_anno.json", usual)

    def images(self, video: str) -> Path:
        return self.home / "JPEGImages" / video

    def opened_outlines(self) -> Outlines | None:
        annotations = self.home / "Annotations"
        if self.split == "test":
            return None
        if self.apart:
            return Separate(lambda video, object: annotations / video / object, lacking_is_absent=True)
        if not (self.home / "mask_dict.json").is_file():
            raise DataError(f"{annotations}: there is no such folder, nor mask_dict.json; unpack the masks there")
        self.naming = ("anno_id", "obj_id")
        return MaskDict(self.home / "mask_dict.json")
