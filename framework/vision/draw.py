"""Masks drawn on frames, and frames written where a person looks at them: a film or a folder of pictures.

frame, masks ─▶ tinted, outlined ─▶ clip.mp4  or  clip/00000.png …
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from framework.errors import UserError
from framework.files import on_disk
from framework.types import AnyMask
from framework.vision import masks
from framework.vision.footage import Pixels

PALETTE = ((255, 64, 64), (64, 160, 255), (64, 220, 96), (255, 200, 48), (220, 96, 255), (64, 224, 224))
"""A colour for each object; then again from the first."""
TINT = 0.4
"""How much of its colour an object is given."""
LEAST = 256
"""Pixels along the longer side of what is drawn: a smaller frame is drawn with larger pixels."""


def drawn(image: Pixels, objects: Sequence[AnyMask]) -> Pixels:
    """A frame with its objects tinted and outlined."""
    factor = max(-(-LEAST // max(image.shape[:2])), 1)
    canvas = enlarged(image, factor).astype(np.float32)
    for number, mask in enumerate(objects):
        target, colour = masks.decode(mask), np.array(PALETTE[number % len(PALETTE)], np.float32)
        target = target.repeat(factor, 0).repeat(factor, 1)
        canvas[target] += TINT * (colour - canvas[target])
        canvas[_edge(target)] = colour
    return canvas.round().astype(np.uint8)


def enlarged(image: Pixels, factor: int) -> Pixels:
    """Each pixel as a square of pixels."""
    return image.repeat(factor, 0).repeat(factor, 1)


def _edge(target: masks.Dense) -> masks.Dense:
    """The pixels of a target that have a neighbour outside it, or lie at the picture's edge."""
    import cv2

    framed = np.pad(target, 1).astype(np.uint8)
    inner = np.asarray(cv2.erode(framed, np.ones((3, 3), np.uint8)), np.uint8)[1:-1, 1:-1]
    return target & (inner == 0)


def pictures(folder: Path, images: Iterable[Pixels]) -> None:
    """00000.png, 00001.png, …"""
    with on_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images):
        picture(folder / f"{number:05}.png", image)


def picture(path: Path, image: Pixels) -> None:
    """One picture, as its suffix says."""
    import cv2

    done, data = cv2.imencode(path.suffix, image[..., ::-1])
    assert done, f"a picture of {image.shape} cannot be written as {path.suffix}"
    with on_disk(path):
        path.write_bytes(data.tobytes())


def film(path: Path, images: Iterable[Pixels], fps: float | None) -> None:
    """A film that any player plays; its sides are made even, as the format wants. Without a rate, a frame a second."""
    import av
    import av.error

    images = iter(images)
    first = next(images)
    height, width = (side + side % 2 for side in first.shape[:2])
    try:
        with on_disk(path), av.open(str(path), "w", format="mp4") as out:
            container: Any = out  # its stubs know but a part of it
            stream = container.add_stream("libx264", rate=Fraction(fps or 1.0).limit_denominator(1001))
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.options = {"crf": "8", "preset": "veryfast"}
            for image in chain([first], images):
                even = np.pad(image, ((0, height - image.shape[0]), (0, width - image.shape[1]), (0, 0)), mode="edge")
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")))
            container.mux(stream.encode())
    except av.error.FFmpegError as error:
        raise UserError(f"{path}: {error.strerror}; write it elsewhere, or as pictures (a folder)") from None
