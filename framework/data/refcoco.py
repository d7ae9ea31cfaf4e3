"""refCOCO, refCOCO+ and refCOCOg: short expressions for one object of a COCO image.

    refcoco/{refs(unc).p, instances.json}    refcoco+/{refs(unc).p, instances.json}    refcocog/{refs(umd).p, …}
    images/train2014/COCO_train2014_000000581857.jpg (or train2014/, or coco2014/train2014/)

Each sentence of a reference is an expression; its mask is the annotation's polygons, or its run lengths for a crowd.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from framework.data.files import first_there, json_of, mapping, pickle_of
from framework.data.layout import FAULTS, Found, Layout, LeftOut, reason
from framework.data.meta_expressions import text_of
from framework.data.schema import Clip, Expression, Object
from framework.errors import DataError
from framework.types import Mask, Video
from framework.vision import coco, masks
from framework.vision.frames import probe


class RefCOCO(Layout):
    name = "refcoco"
    licence = "annotations CC BY 4.0; images under the terms of Flickr"
    splits = ("train", "val", "testA", "testB")
    refs = "refs(unc).p"

    def __init__(self, root: Path, split: str) -> None:
        super().__init__(root, split)
        home = first_there(root / self.name, root)
        path = home / "instances.json"
        coco_json = mapping(json_of(path), str(path))
        self.images = {each["id"]: each for each in coco_json["images"]}
        self.annotations = {each["id"]: each for each in coco_json["annotations"]}
        self.categories = {each["id"]: each["name"] for each in coco_json.get("categories", ())}
        self.references: dict[str, list[dict[str, Any]]] = {}
        for each in cast(list[dict[str, Any]], pickle_of(home / self.refs)):
            if each["split"] == split:
                self.references.setdefault(str(each["image_id"]), []).append(each)
        kept = ("images/train2014", "train2014", "coco2014/train2014", "images/mscoco/images/train2014")
        self.folder = first_there(*(base / each for base in (root, home, root.parent) for each in kept))

    def videos(self, limit: int | None = None) -> Sequence[str]:
        return list(self.references)[:limit]

    def expressions(self, video: str) -> Sequence[str]:
        return [str(said["sent_id"]) for each in self.references[video] for said in each["sentences"]]

    def clip(self, video: str) -> Found:
        image = self.images.get(int(video))
        if image is None:
            raise DataError(f"instances.json has no image {video}")
        path = self.folder / image["file_name"]
        shown = probe(path)
        if (shown.width, shown.height) != (image["width"], image["height"]):
            raise DataError(
                f"{path}: is {shown.width}×{shown.height}, but its objects were outlined on {image['width']}×"
                f"{image['height']}; fetch the images as COCO has them"
            )
        objects: dict[str, Object] = {}
        expressions: list[Expression] = []
        left_out: list[LeftOut] = []
        for each in self.references[video]:
            try:
                found = self._object(each["ann_id"], shown)
                expressions += [_expression(said, each, found) for said in each["sentences"]]
                objects[found.id] = found
            except FAULTS as fault:
                left_out += [LeftOut(video, str(said["sent_id"]), reason(fault)) for said in each["sentences"]]
        clip = Clip(
            id=video,
            media="image",
            frame_root=str(self.folder),
            frames=(path.name,),
            length=1,
            width=shown.width,
            height=shown.height,
            objects=tuple(objects.values()),
            expressions=tuple(expressions),
        )
        return Found(clip, tuple(left_out))

    def _object(self, number: int, shown: Video) -> Object:
        annotation = self.annotations.get(number)
        if annotation is None:
            raise DataError(f"instances.json has no annotation {number}")
        mask = _mask(annotation["segmentation"], shown, f"instances.json, annotation {number}")
        return Object(
            id=str(number), masks={0: mask}, category=str(self.categories.get(annotation.get("category_id"), ""))
        )


class RefCOCOPlus(RefCOCO):
    name = "refcoco+"


class RefCOCOg(RefCOCO):
    name = "refcocog"
    splits = ("train", "val", "test")
    refs = "refs(umd).p"


def _expression(said: dict[str, Any], reference: dict[str, Any], object: Object) -> Expression:
    return Expression(
        id=str(said["sent_id"]),
        text=text_of(said),
        objects=(object.id,),
        annotated=(0,),
        extra={"ref_id": reference["ref_id"]},
    )


def _mask(segmentation: Any, shown: Video, where: str) -> Mask:
    """The pixels of an annotation."""
    try:
        if isinstance(segmentation, dict):
            mask = coco.read_object(segmentation)
        elif not segmentation:
            raise DataError("has no polygon")
        else:
            parts = [coco.polygon(each, shown.width, shown.height) for each in segmentation]
            mask = masks.encode(np.logical_or.reduce(parts))
    except (DataError, TypeError, ValueError) as error:
        raise DataError(f"{where}: {error}") from None
    if (mask.width, mask.height) != (shown.width, shown.height):
        raise DataError(f"{where}: the mask is {mask.width}×{mask.height}, the image {shown.width}×{shown.height}")
    return mask
