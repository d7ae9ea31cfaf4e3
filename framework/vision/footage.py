"""Where pixels come from: the synthetic world, a folder of images, one image, a list of images, an array, a video file,
the bytes of an image themselves (data:…), a server of games (http://…).

    opened(source) ─▶ Footage(length, fps) ─▶ read(index) ─▶ {index: pixels}, and what was decoded with it

Nothing is ever made up: what cannot be read is a PixelError that names the file, the frame and the remedy.
"""

import base64
import binascii
import re
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.errors import PixelError

Pixels = NDArray[np.uint8]
"""[height, width, 3]: red, green, blue."""

STILLS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm"}
"""Files that hold one picture; every other file is taken for a film."""


class Footage(ABC):
    """One source, opened. One thread at a time may read it."""

    length: int
    fps: float = 1.0

    @property
    def seconds(self) -> NDArray[np.float64]:
        """When each frame is shown, from the first on."""
        return np.arange(self.length) / self.fps

    @abstractmethod
    def read(self, index: int) -> dict[int, Pixels]: ...

    def close(self) -> None:  # noqa: B027 most keep nothing open
        """It is read no more, and what an open file takes is given back at once."""


def opened(source: str) -> Footage:
    """The source, ready to be read."""
    if source.startswith("lab:"):
        return Rendered(source)
    if source.startswith("data:"):
        return Inline(source)
    if source.startswith(("http://", "https://")):
        from framework.vision.streamed import Streamed

        return Streamed(source)
    path = Path(source).expanduser()
    if path.is_dir():
        return Stills(path, sorted((file for file in path.iterdir() if _is_still(file)), key=by_number))
    if not path.is_file():
        raise PixelError(f"{path}: there is no such file or folder; correct the path, or put the frames there")
    if path.suffix == ".frames":
        return Stills(path.parent, [path.parent / line for line in path.read_text().splitlines()])
    if path.suffix == ".npy":
        return Block(path)
    if _is_still(path):
        return Stills(path.parent, [path])
    from framework.vision.film import Film

    return Film(path)


def _is_still(file: Path) -> bool:
    return file.suffix.lower() in STILLS and not file.name.startswith(".")


def by_number(file: Path) -> list[tuple[int, str]]:
    """2.png comes before 10.png."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", file.name)]


class Rendered(Footage):
    """A clip of the synthetic world: all of it costs as much as one frame."""

    def __init__(self, source: str) -> None:
        from framework.lab.world import drawn

        self.source, self.length = source, drawn(source).scene.length

    def read(self, index: int) -> dict[int, Pixels]:
        from framework.lab.world import render

        return {number: frame.copy() for number, frame in enumerate(render(self.source))}


class Stills(Footage):
    """A folder of images in the order of their names, or one image."""

    def __init__(self, folder: Path, files: list[Path]) -> None:
        if not files:
            raise PixelError(f"{folder}: holds no images ({', '.join(sorted(STILLS))}); put the frames there")
        self.files, self.length = files, len(files)

    def read(self, index: int) -> dict[int, Pixels]:
        return {index: _still(self.files[index], index)}


def _still(path: Path, index: int) -> Pixels:
    try:
        return decoded(path.read_bytes(), f"{path} (frame {index})")
    except OSError as error:
        if isinstance(error, PixelError):
            raise
        raise PixelError(f"{path} (frame {index}): {error.strerror or error}; {MEND}") from None


MEND = "write it again, or leave its row out"


def decoded(data: bytes, where: str) -> Pixels:
    """The image that is written so."""
    import cv2

    if not data:
        raise PixelError(f"{where}: the file is empty; {MEND}")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    if image is None:  # pyright: ignore[reportUnnecessaryComparison] cv2's stubs do not say so
        raise PixelError(f"{where}: no whole image can be decoded from its {len(data)} bytes; {MEND}")
    return np.asarray(image, np.uint8)


class Inline(Footage):
    """An image that is its own name."""

    length = 1

    def __init__(self, source: str) -> None:
        self.source = source

    def read(self, index: int) -> dict[int, Pixels]:
        where, (_, _, written) = f"{self.source[:32]}…", self.source.partition("base64,")
        try:
            return {index: decoded(base64.b64decode(written, validate=True), where)}
        except binascii.Error as error:
            raise PixelError(f"{where}: {error}; write the bytes of an image as data:image/png;base64,…") from None


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
