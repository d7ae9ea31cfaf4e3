"""ReasonSeg: questions about one image that need reasoning.

    {train,val,test}/x.jpg, x.json: {"text": ["…"], "is_sentence": true, "shapes": [{"label": "target", "points": …}]}

Shapes are painted from the largest to the smallest, as their evaluation does: a label with "ignore" in it marks pixels
that count for nothing, one with "flag" is no shape, any other is the target. Some json is in Windows' letters. Of
several texts of an image, which say the same in other words, it asks the first: so do `val` and `test`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from framework.data.files import first_there, json_of, mapping
from framework.data.layout import Found, Layout
from framework.data.schema import IGNORED, Clip, Expression, Object
from framework.errors import DataError
from framework.vision import masks
from framework.vision.frames import probe

TARGET, IGNORE = 1, 255
FAR = 1e6
"""Pixels from the image beyond which nobody clicks."""


class ReasonSeg(Layout):
    name = "reason_seg"
    licence = (
        "annotations as LISA's, whose code is Apache-2.0; images of OpenImages and ScanNetv2 under their own terms"
    )
    splits = ("train", "val", "test")

    def __init__(self, root: Path, split: str) -> None:
        super().__init__(root, split)
        self.folder = first_there(root / split, root / "ReasonSeg" / split)
        self.pictures = {path.stem: path for path in sorted(self.folder.glob("*.jpg"))}
        if not self.pictures:
            raise DataError(f"{self.folder}: holds no jpg; unpack the images there")

    def videos(self, limit: int | None = None) -> Sequence[str]:
        return list(self.pictures)[:limit]

    def expressions(self, video: str) -> Sequence[str]:
        return [str(number) for number, _ in enumerate(self._texts(self._said(video)))]

    def _said(self, video: str) -> dict[str, Any]:
        path = self.pictures[video].with_suffix(".json")
        return mapping(json_of(path), str(path))

    def clip(self, video: str) -> Found:
        path, said = self.pictures[video], self._said(video)
        shown = probe(path)
        labels = painted(said.get("shapes", []), shown.width, shown.height, str(path.with_suffix(".json")))
        target, ignored = (masks.encode(labels == label) for label in (TARGET, IGNORE))
        sentence = bool(said.get("is_sentence"))
        expressions = [
            Expression(
                id=str(number),
                text=text,
                type="sentence" if sentence else "phrase",
                objects=("target",),
                annotated=(0,),
                extra={"is_sentence": sentence},
            )
            for number, text in enumerate(self._texts(said))
        ]
        clip = Clip(
            id=video,
            media="image",
            frame_root=str(self.folder),
            frames=(path.name,),
            length=1,
            width=shown.width,
            height=shown.height,
            objects=(Object(id="target", masks={0: target}), Object(id=IGNORED, masks={0: ignored})),
            expressions=tuple(expressions),
        )
        return Found(clip)

    def _texts(self, said: dict[str, Any]) -> list[str]:
        given = said.get("text", [])
        several = cast(list[Any], given) if isinstance(given, list) else [given]
        return [" ".join(str(each).split()) for each in (several if self.split == "train" else several[:1])]


def painted(shapes: Any, width: int, height: int, where: str) -> NDArray[np.uint8]:
    """TARGET, IGNORE or 0 for each pixel."""
    outlines: list[tuple[int, int, NDArray[np.int32]]] = []
    for shape in shapes:
        label = str(shape.get("label", "")).lower()
        if "flag" in label:
            continue
        corners = np.array(shape.get("points", []), np.float64)
        if corners.ndim != 2 or corners.shape[1] != 2 or not (np.abs(corners) < FAR).all():
            raise DataError(f"{where}: the points of a {label!r} are no list of x and y")
        points = corners.astype(np.int32)
        covered = _drawn(np.zeros((height, width), np.uint8), points, 1)
        outlines.append((int(np.count_nonzero(covered)), IGNORE if "ignore" in label else TARGET, points))
    canvas = np.zeros((height, width), np.uint8)
    for _, value, points in sorted(outlines, key=lambda each: -each[0]):
        _drawn(canvas, points, value)
    return canvas


def _drawn(canvas: NDArray[np.uint8], points: NDArray[np.int32], value: int) -> NDArray[np.uint8]:
    """A polygon with its border, painted on the canvas."""
    import cv2

    cv2.polylines(canvas, [points], True, value, 1)
    cv2.fillPoly(canvas, [points], value)
    return canvas
