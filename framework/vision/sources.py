"""Where pixels come from: the synthetic world, a folder of images, one image, a list of images, an array, a video file,
the bytes of an image themselves (data:…), a server of games (http://…).

    opened(source) ─▶ Footage(length, fps) ─▶ read(index) ─▶ {index: pixels}, and what was decoded with it
"""

from pathlib import Path

import numpy as np

from framework.errors import PixelError
from framework.vision.film import Film
from framework.vision.footage import Footage, Pixels
from framework.vision.stills import Inline, Stills, by_number, is_still
from framework.vision.streamed import Streamed


def opened(source: str) -> Footage:
    """The source, ready to be read."""
    if source.startswith("lab:"):
        return Rendered(source)
    if source.startswith("data:"):
        return Inline(source)
    if source.startswith(("http://", "https://")):
        return Streamed(source)
    path = Path(source).expanduser()
    if path.is_dir():
        return Stills(path, sorted((file for file in path.iterdir() if is_still(file)), key=by_number))
    if not path.is_file():
        raise PixelError(f"{path}: there is no such file or folder; correct the path, or put the frames there")
    if path.suffix == ".frames":
        return Stills(path.parent, [path.parent / line for line in path.read_text().splitlines()])
    if path.suffix == ".npy":
        return Block(path)
    if is_still(path):
        return Stills(path.parent, [path])
    return Film(path)


class Rendered(Footage):
    """A clip of the synthetic world: all of it costs as much as one frame."""

    fps = 1.0

    def __init__(self, source: str) -> None:
        from framework.lab.world import drawn

        self.source, self.length = source, drawn(source).scene.length

    def read(self, index: int) -> dict[int, Pixels]:
        from framework.lab.world import render

        return {number: frame.copy() for number, frame in enumerate(render(self.source))}


class Block(Footage):
    """An array of whole frames, [T, H, W, 3] of uint8, as numpy.save writes it."""

    def __init__(self, path: Path) -> None:
        try:
            self.frames: Pixels = np.load(path, mmap_mode="r")
        except (OSError, ValueError, EOFError) as error:
            raise PixelError(f"{path}: {error}; write it again, or leave its row out") from None
        if self.frames.dtype != np.uint8 or self.frames.ndim != 4 or self.frames.shape[3] != 3 or not self.frames.size:
            held = f"{self.frames.dtype} of shape {self.frames.shape}"
            raise PixelError(f"{path}: holds {held}; write red, green and blue as uint8, [T, H, W, 3]")
        self.length = len(self.frames)

    def read(self, index: int) -> dict[int, Pixels]:
        return {index: np.array(self.frames[index])}
