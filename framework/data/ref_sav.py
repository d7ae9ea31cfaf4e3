"""Ref-SAV: long descriptions of the objects of SA-V.

train: Ref-SAV.json says of each video its video_path, its anno_path and a description of each object; the masks
       of SA-V's own json are of every fourth frame of the mp4, and the frames between are unknown
valid: videos/<video>/…, meta_expressions_valid.json, mask_dict.json, with long and short expressions
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, cast

from framework.data.files import first_there, json_of, mapping
from framework.data.layout import FAULTS, Found, Layout, LeftOut, reason
from framework.data.meta_expressions import MetaExpressions, text_of
from framework.data.outlines import MaskDict, Outlines, Place, run_lengths
from framework.data.schema import Clip, Expression, Object
from framework.errors import DataError
from framework.vision.frames import probe

EVERY = 4
"""Frames of the mp4 from one annotated frame to the next."""


class RefSAV(Layout):
    name = "ref_sav"
    licence = "CC BY 4.0 for SA-V; descriptions under the terms of Sa2VA"
    splits = ("train", "valid")

    @classmethod
    def of(cls, root: Path, split: str) -> Layout:
        return Valid(root, split) if split == "valid" else Train(root, split)


class Valid(MetaExpressions):
    name, licence, splits = RefSAV.name, RefSAV.licence, RefSAV.splits
    kinds: ClassVar = {"0": "long", "1": "short"}

    def meta_path(self) -> Path:
        return self.root / "meta_expressions_valid.json"

    def images(self, video: str) -> Path:
        return first_there(self.root / "videos" / video, self.root / "JPEGImages" / video)

    def opened_outlines(self) -> Outlines:
        return MaskDict(self.root / "mask_dict.json")


class Train(Layout):
    name, licence, splits = RefSAV.name, RefSAV.licence, RefSAV.splits

    def __init__(self, root: Path, split: str) -> None:
        super().__init__(root, split)
        path = first_there(root / "Ref-SAV.json", root / "sam_v_final_custom.json", root / "sam_v_final_v3.json")
        self.meta = mapping(json_of(path), str(path))

    def videos(self, limit: int | None = None) -> Sequence[str]:
        return list(self.meta)[:limit]

    def expressions(self, video: str) -> Sequence[str]:
        return list(self._objects(video))

    def _objects(self, video: str) -> dict[str, dict[str, Any]]:
        given = mapping(mapping(self.meta[video], f"video {video}").get("objects"), f"video {video}, objects")
        return {name: mapping(each, f"video {video}, object {name}") for name, each in given.items()}

    def clip(self, video: str) -> Found:
        given = mapping(self.meta[video], f"video {video}")
        path = self._file(str(given.get("video_path", "")))
        marked = self._file(str(given.get("anno_path", "")))
        masklets = mapping(json_of(marked), str(marked)).get("masklet")
        if not isinstance(masklets, list) or not masklets:
            raise DataError(f"{marked}: has no masklet")
        frames = cast(list[Any], masklets)
        film = probe(path)
        place = Place(video, tuple(str(EVERY * number) for number in range(len(frames))), film.width, film.height)
        if EVERY * (len(frames) - 1) >= film.length:
            raise DataError(f"{marked}: has {len(frames)} frames of every {EVERY}, but {path} has {film.length}")
        objects, expressions, left_out = self._read(place, frames, marked.name)
        clip = Clip(
            id=video,
            video_path=str(path),
            length=film.length,
            width=film.width,
            height=film.height,
            fps=film.fps,
            objects=tuple(objects),
            expressions=tuple(expressions),
        )
        return Found(clip, tuple(left_out))

    def _read(
        self, place: Place, frames: list[Any], where: str
    ) -> tuple[list[Object], list[Expression], list[LeftOut]]:
        objects: list[Object] = []
        expressions: list[Expression] = []
        left_out: list[LeftOut] = []
        for name, said in self._objects(place.video).items():
            try:
                seen = run_lengths(_column(frames, name, where), place, f"{where}, object {name}")
                objects.append(Object(id=name, masks={EVERY * frame: mask for frame, mask in seen.items()}))
                annotated = tuple(EVERY * frame for frame in place.all)
                short = said.get("short_caps", [])
                expressions.append(
                    Expression(
                        id=name,
                        text=text_of(said),
                        type="long",
                        objects=(name,),
                        annotated=annotated,
                        extra={"short": short},
                    )
                )
            except FAULTS as fault:
                left_out.append(LeftOut(place.video, name, reason(fault)))
        return objects, expressions, left_out

    def _file(self, named: str) -> Path:
        """A file of SA-V, whichever way its archive was unpacked."""
        pure = PurePosixPath(named)
        inside = PurePosixPath("sav_train", pure.parent.name, pure.name)
        path = first_there(*(self.root / each for each in (pure, PurePosixPath("sam_v_full") / pure, inside)))
        if not named or not path.is_file():
            raise DataError(f"{path}: there is no such file")
        return path


def _column(frames: list[Any], name: str, where: str) -> list[Any]:
    """What each frame has of one object."""
    number = int(name) if name.isdecimal() else -1
    if not all(isinstance(each, list) and 0 <= number < len(cast(list[Any], each)) for each in frames):
        raise DataError(f"{where}: has no object {name} in some frame")
    return [each[number] for each in frames]
