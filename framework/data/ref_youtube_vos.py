"""Ref-YouTube-VOS: each expression asks for one object; of every fifth frame of a 30-frame second there is a mask.

    meta_expressions/{train,valid}/meta_expressions.json    train/{JPEGImages, Annotations, meta.json}
                                                            valid/JPEGImages; its masks are kept on a server

Instead of Annotations there may be mask_dict.pkl, whose numbers count the expressions of all videos in the order of the
file, those of one video sorted as text: 0, 1, 10, 11, 2 …  The masks of valid/Annotations are of first frames only, for
another task, and are not read.
"""

from pathlib import Path
from typing import Any

from framework.data.files import first_there, json_of, mapping
from framework.data.meta_expressions import MetaExpressions, Said, counted
from framework.data.outlines import MaskDict, Numbered, Outlines
from framework.errors import DataError


class CountedOrNumbered(MetaExpressions):
    """Masks in numbered PNGs if there are any, else in a dict whose numbers count expressions."""

    naming = ("obj_id",)
    sorted_videos = False
    """Does the count go through the videos in the order of their names?"""

    def meta_path(self) -> Path:
        return self.root / "meta_expressions" / self.split / "meta_expressions.json"

    def images(self, video: str) -> Path:
        return self.root / self.split / "JPEGImages" / video

    def opened_outlines(self) -> Outlines | None:
        self.numbers: dict[tuple[str, str], str] = {}
        pngs, home = self.root / self.split / "Annotations", self.root / self.split
        if pngs.is_dir():
            return Numbered(pngs, self._categories())
        path = first_there(home / "mask_dict.pkl", self.root / "mask_dict.pkl")
        if not path.is_file():
            raise DataError(f"{pngs}: there is no such folder, nor mask_dict.pkl; unpack the masks there")
        videos = sorted(self.meta) if self.sorted_videos else list(self.meta)
        self.numbers = counted({video: list(self.said(video)) for video in videos}, videos)
        table = MaskDict(path)
        if len(table.table) != len(self.numbers):
            raise DataError(
                f"{path}: has {len(table.table)} annotations, but {self.meta_path()} counts {len(self.numbers)} "
                "expressions; fetch the two that belong together"
            )
        return table

    def _categories(self) -> dict[str, dict[str, str]]:
        path = self.root / self.split / "meta.json"
        videos: Any = mapping(json_of(path), str(path)).get("videos", {}) if path.is_file() else {}
        return {
            video: {name: str(each.get("category", "")) for name, each in given.get("objects", {}).items()}
            for video, given in mapping(videos, str(path)).items()
        }

    def named(self, video: str, expression: str, said: Said) -> tuple[str, ...]:
        if self.numbers:
            return (self.numbers[video, expression],)
        return super().named(video, expression, said)


class RefYouTubeVOS(CountedOrNumbered):
    name = "ref_youtube_vos"
    licence = "for research, not for commerce; YouTube-VOS' own terms"
    splits = ("train", "valid", "test")
    fps = 6.0

    def __init__(self, root: Path, split: str) -> None:
        super().__init__(root, split)
        if split == "valid":
            tested = self._tested()
            self.meta = {video: said for video, said in self.meta.items() if video not in tested}

    def opened_outlines(self) -> Outlines | None:
        return super().opened_outlines() if self.split == "train" else None

    def _tested(self) -> dict[str, Any]:
        """Videos of `test`, which the file of `valid` lists as well."""
        path = self.root / "meta_expressions" / "test" / "meta_expressions.json"
        return mapping(mapping(json_of(path), str(path)).get("videos", {}), str(path)) if path.is_file() else {}
