"""Pictures that travel as their own bytes: `data:image/png;base64,…` stands wherever the name of a source may.

picture ─▶ url ─▶ a served model reads it          pixels ─▶ written ─▶ Video(source="data:…") ─▶ any process
"""

import base64
from functools import lru_cache

import numpy as np

from framework.types import Picture, Video
from framework.vision.footage import Pixels
from framework.vision.frames import pixels

PNG = "data:image/png;base64,"


@lru_cache(maxsize=256)
def url(picture: Picture) -> str:
    """A picture as it is seen."""
    return written(pixels(picture))


def video(image: Pixels) -> Video:
    """An image of which the reference is all there is."""
    height, width = image.shape[:2]
    return Video(written(image), 1, width, height, fps=None)


def written(image: Pixels) -> str:
    return PNG + base64.b64encode(png(image)).decode()


def png(image: Pixels) -> bytes:
    import cv2

    done, data = cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]))
    assert done, f"a picture of {image.shape} cannot be written as png"
    return data.tobytes()
