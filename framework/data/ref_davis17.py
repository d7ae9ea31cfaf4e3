"""Ref-DAVIS17, in the layout of Ref-YouTube-VOS: each object was described four times.

    {train,valid}/{JPEGImages, Annotations}    meta_expressions/{train,valid}/meta_expressions.json

Expressions 0–3 of a video are of its first object, 4–7 of its second: by two people, each from the first frame and from
the whole video. The official evaluation goes through these four; `extra` says which one an expression is of, and of
which object. mask_dict.pkl instead of Annotations counts expressions through videos sorted by name.
"""

from typing import Any

from framework.data.meta_expressions import Said
from framework.data.ref_youtube_vos import CountedOrNumbered

ANNOTATORS = 4


class RefDAVIS17(CountedOrNumbered):
    name = "ref_davis17"
    licence = "for research; annotations of DAVIS 2017 under its own terms"
    splits = ("train", "valid")
    fps = 24.0
    sorted_videos = True

    def extra(self, video: str, position: int, said: Said) -> dict[str, Any]:
        object = said.get("obj_id", position // ANNOTATORS + 1)
        return {"annotator": position % ANNOTATORS, "object": int(object)}

    def named(self, video: str, expression: str, said: Said) -> tuple[str, ...]:
        if self.numbers or "obj_id" in said:
            return super().named(video, expression, said)
        return (str(list(self.said(video)).index(expression) // ANNOTATORS + 1),)
