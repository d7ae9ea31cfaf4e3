"""Where pixels come from: the synthetic world, a folder of images, one image, a list of images, an array, a video file,
the bytes of an image themselves (data:…), a server of games (http://…).

    opened(source) ─▶ Footage(length, fps) ─▶ read(index) ─▶ {index: pixels}, and what was decoded with it

Nothing is ever made up: what cannot be read is a PixelError that names the file, the frame and the remedy.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from framework.errors import PixelError

if TYPE_CHECKING:
    from av import VideoFrame

Pixels = NDArray[np.uint8]
"""[height, width, 3]: red, green, blue."""

STILLS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm"}
"""Files that hold one picture; every other file is taken for a film."""


class Footage(Protocol):
    """One source, opened. One thread at a time may read it."""

    length: int
    fps: float

    def read(self, index: int) -> dict[int, Pixels]: ...


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
        return Stills(path, sorted((file for file in path.iterdir() if _is_still(file)), key=_by_number))
    if not path.is_file():
        raise PixelError(f"{path}: there is no such file or folder; correct the path, or put the frames there")
    if path.suffix == ".frames":
        return Stills(path.parent, [path.parent / line for line in path.read_text().splitlines()])
    if path.suffix == ".npy":
        return Block(path)
    return Stills(path.parent, [path]) if _is_still(path) else Film(path)


def _is_still(file: Path) -> bool:
    return file.suffix.lower() in STILLS and not file.name.startswith(".")


def _by_number(file: Path) -> list[tuple[int, str]]:
    """2.png comes before 10.png."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", file.name)]


class Rendered:
    """A clip of the synthetic world: all of it costs as much as one frame."""

    fps = 1.0

    def __init__(self, source: str) -> None:
        from framework.lab.world import drawn

        self.source, self.length = source, drawn(source).scene.length

    def read(self, index: int) -> dict[int, Pixels]:
        from framework.lab.world import render

        return {number: frame.copy() for number, frame in enumerate(render(self.source))}


class Stills:
    """A folder of images in the order of their names, or one image."""

    fps = 1.0

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


class Inline:
    """An image that is its own name."""

    length, fps = 1, 1.0

    def __init__(self, source: str) -> None:
        self.source = source

    def read(self, index: int) -> dict[int, Pixels]:
        where, (_, _, written) = f"{self.source[:32]}…", self.source.partition("base64,")
        try:
            return {index: decoded(base64.b64decode(written, validate=True), where)}
        except binascii.Error as error:
            raise PixelError(f"{where}: {error}; write the bytes of an image as data:image/png;base64,…") from None


class Block:
    """An array of whole frames, [T, H, W, 3] of uint8, as numpy.save writes it."""

    fps = 1.0

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


class Film:
    """A video file: its frames by number, in the order of their times, which need not be even.

    It goes on from where it is if that is nearer than the last key frame before what is asked for, and else seeks.
    """

    def __init__(self, path: Path) -> None:
        import av.error

        self.path = path
        if not path.stat().st_size:
            raise PixelError(f"{path}: the file is empty; write it again, or leave its row out")
        try:
            self.container = av.open(str(path))
            if not self.container.streams.video:
                raise PixelError(f"{path}: holds no video; {REMEDY}")
            self.stream = self.container.streams.video[0]
            packets = [each for each in self.container.demux(self.stream) if each.size and not each.is_discard]
        except av.error.FFmpegError as error:
            raise PixelError(f"{path}: {error.strerror}; {REMEDY}") from None
        if not packets or any(each.pts is None for each in packets):
            raise PixelError(f"{path}: its frames carry no times, so none can be found by its number; {REMEDY}")
        self.times = sorted({each.pts for each in packets if each.pts is not None})
        self.length = len(self.times)
        self.fps = float(self.stream.average_rate or self.stream.guessed_rate or 1.0)
        place = {time: number for number, time in enumerate(self.times)}
        self.keys = np.array(sorted(place[each.pts] for each in packets if each.is_keyframe and each.pts is not None))
        if not self.keys.size:
            raise PixelError(f"{path}: has no key frame, so none of its frames can be decoded; {REMEDY}")
        self.frames: Iterator[VideoFrame] = iter(())
        self.next = self.length  # nothing is decoded yet, so the first read seeks

    def read(self, index: int) -> dict[int, Pixels]:
        import av.error

        if index < self.keys[0]:
            raise PixelError(f"{self.path} (frame {index}): comes before the first key frame, {self.keys[0]}; {REMEDY}")
        try:
            found = self._forward(index) if self._is_ahead(index) else None
            found = found if found is not None else self._sought(index)
        except av.error.FFmpegError as error:
            raise PixelError(f"{self.path} (frame {index}): {error.strerror}; {REMEDY}") from None
        if found is None:
            raise PixelError(f"{self.path} (frame {index}): the file breaks off before it; {REMEDY}")
        return {index: found}

    def _is_ahead(self, index: int) -> bool:
        """Is it reached sooner by going on than from the last key frame before it?"""
        return self.next <= index and self._key(index) - self.next <= SEEK

    def _key(self, index: int) -> int:
        return int(self.keys[self.keys <= index].max())

    def _sought(self, index: int) -> Pixels | None:
        """From the key frame before; a container whose index lies is read from its start."""
        for start in (index, int(self.keys[0])):
            self._rewind(start)
            found = self._forward(index)
            if found is not None:
                return found
        return None

    def _rewind(self, index: int) -> None:
        self.container.seek(self.times[index], stream=self.stream)
        self.frames = self.container.decode(self.stream)
        self.next = self._key(index)

    def _forward(self, index: int) -> Pixels | None:
        wanted = self.times[index]
        for frame in self.frames:
            if frame.pts is None or frame.pts < wanted:
                continue
            self.next = index + 1
            if frame.pts > wanted:
                self.next = self.length
                return None
            if frame.is_corrupt:
                raise PixelError(f"{self.path} (frame {index}): is damaged; {REMEDY}")
            return upright(frame)
        self.next = self.length
        return None


def upright(frame: "VideoFrame") -> Pixels:
    """A phone held sideways says so beside the pixels; its frames are turned as every player turns them."""
    image = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    return np.rot90(image, round(frame.rotation / 90) % 4)


SEEK = 8
"""Going on over a key frame is worth as many frames as this: a seek takes as long."""
REMEDY = "write it again as mp4 or as a folder of images, or leave its row out"
