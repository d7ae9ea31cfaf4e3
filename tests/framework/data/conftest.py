"""Miniatures of public datasets, in the layout in which they are published."""

import json
import pickle
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from framework.vision import coco, masks

WIDTH, HEIGHT = 40, 30


class Disk:
    """A folder in which a test lays out a dataset."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def frames(self, folder: str, names: list[str], width: int = WIDTH, height: int = HEIGHT) -> None:
        """Grey pictures, each lighter by ten than the one before."""
        for number, name in enumerate(names):
            path = self.root / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), np.full((height, width, 3), 10 * number, np.uint8))

    def film(self, name: str, length: int, at: Sequence[int] = ()) -> None:
        """At 24 frames a second, or `at` these milliseconds."""
        import av

        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=24)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            if at:
                stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
            for number in range(length):
                picture = av.VideoFrame.from_ndarray(np.full((HEIGHT, WIDTH, 3), 90, np.uint8), format="rgb24")
                if at:
                    picture.pts, picture.time_base = at[number], Fraction(1, 1000)
                container.mux(stream.encode(picture))
            container.mux(stream.encode())

    def json(self, name: str, what: Any, encoding: str = "utf-8") -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(json.dumps(what, ensure_ascii=False).encode(encoding))

    def pickle(self, name: str, what: Any) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(what))

    def numbers(
        self, name: str, *blobs: tuple[int, tuple[int, int, int, int]], size: tuple[int, int] = (WIDTH, HEIGHT)
    ):
        """A PNG whose pixels are numbers of objects, with colours that mean nothing."""
        found = np.zeros(size[::-1], np.uint8)
        for number, (x0, y0, x1, y1) in blobs:
            found[y0:y1, x0:x1] = number
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(found, mode="P")
        image.putpalette([value % 256 for number in range(256) for value in (7 * number, 91, 3 * number)])
        image.save(path)

    def grey(self, name: str, *blobs: tuple[int, tuple[int, int, int, int]]) -> None:
        """A PNG without a palette."""
        found = np.zeros((HEIGHT, WIDTH), np.uint8)
        for number, (x0, y0, x1, y1) in blobs:
            found[y0:y1, x0:x1] = number
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(found).save(path)

    @staticmethod
    def rle(
        box: tuple[int, int, int, int], size: tuple[int, int] = (WIDTH, HEIGHT), counts: type = str
    ) -> dict[str, Any]:
        """A filled box as COCO writes it."""
        x0, y0, x1, y1 = box
        dense = np.zeros(size[::-1], bool)
        dense[y0:y1, x0:x1] = True
        squeezed = coco.write(masks.encode(dense))
        return {"size": [size[1], size[0]], "counts": squeezed.decode() if counts is str else squeezed}


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path / "published")
