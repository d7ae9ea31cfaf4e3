"""Pixels on demand: a reference to a picture becomes an array here, and nowhere else.

    Picture(video, frame, crop, grain, size) ─▶ frame, decoded once ─▶ crop ─▶ grain × grain cells ─▶ size

Arrays are shared, so they are read-only.
"""

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from framework.errors import PixelError
from framework.types import Picture, Video
from framework.vision.boxes import Box
from framework.vision.footage import Footage, Pixels, opened


def pixels(picture: Picture) -> Pixels:
    """What the model sees of this picture: [height, width, 3]."""
    import cv2

    seen = frame(picture.video, picture.frame)
    if picture.crop is not None:
        seen = _part(seen, picture.crop.to(picture.video.space(picture.frame)))
    if picture.grain is not None:
        cells = resized(seen, (picture.grain, picture.grain))
        seen = cv2.resize(cells, picture.size, interpolation=cv2.INTER_NEAREST).astype(cells.dtype, copy=False)
    return _sealed(resized(seen, picture.size))


def frame(video: Video, index: int) -> Pixels:
    """One original frame, from the store that all of this process shares."""
    return STORE.frame(video, index)


def probe(path: Path | str) -> Video:
    """What a source says of itself: length, size and frames a second. Images have no clock: one a second."""
    footage = opened(str(path))
    height, width, _ = footage.read(0)[0].shape
    return Video(str(path), footage.length, width, height, footage.fps)


def resized(image: Pixels, size: tuple[int, int]) -> Pixels:
    """Each side averaged where it shrinks, and drawn with a smooth curve where it grows."""
    import cv2

    height, width = image.shape[:2]
    least = min(width, size[0]), min(height, size[1])
    if least != (width, height):
        image = cv2.resize(image, least, interpolation=cv2.INTER_AREA).astype(image.dtype, copy=False)
    if least != size:
        image = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC).astype(image.dtype, copy=False)
    return image


def _part(image: Pixels, box: Box) -> Pixels:
    """The whole pixels that a box touches."""
    x0, y0 = max(math.floor(box.x0), 0), max(math.floor(box.y0), 0)
    part = image[y0 : math.ceil(box.y1), x0 : math.ceil(box.x1)]
    if not part.size:
        raise PixelError(f"{box.space.picture}: the crop {box.corners} holds no pixel; widen it, as envs/zoom.py does")
    return part


def _sealed(image: Pixels) -> Pixels:
    image.flags.writeable = False
    return image


@dataclass
class Shelf:
    """One source and who may read it now."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    footage: Footage | None = None


class Store:
    """Decoded frames, the least lately used given up first. Threads that want the same frame decode it once."""

    def __init__(self, capacity: int = 512 * 2**20, sources: int = 32) -> None:
        """`capacity` in bytes; at most `sources` stay open."""
        self.capacity, self.sources = capacity, sources
        self.held = 0
        """Bytes."""
        self.decoded = 0
        """Frames made from a source."""
        self.served = 0
        """Frames given out."""
        self._lock = threading.Lock()
        self._frames: OrderedDict[tuple[str, int], Pixels] = OrderedDict()
        self._shelves: OrderedDict[str, Shelf] = OrderedDict()

    def frame(self, video: Video, index: int) -> Pixels:
        if not 0 <= index < video.length:
            raise PixelError(f"{video.source}: there is no frame {index}; there are 0–{video.length - 1}")
        found = self._found(video, index)
        if found is None:
            shelf = self._shelf(video.source)
            with shelf.lock:
                found = self._found(video, index)
                if found is None:
                    found = self._read(shelf, video, index)
        height, width = found.shape[:2]
        if (width, height) != (video.width, video.height):
            raise PixelError(
                f"{video.source} (frame {index}): is {width}×{height}, but {video.width}×{video.height} was promised; "
                "mend its row, or make all frames of one size"
            )
        with self._lock:
            self.served += 1
        return found

    def _found(self, video: Video, index: int) -> Pixels | None:
        with self._lock:
            found = self._frames.get((video.source, index))
            if found is not None:
                self._frames.move_to_end((video.source, index))
            return found

    def _shelf(self, source: str) -> Shelf:
        with self._lock:
            shelf = self._shelves.setdefault(source, Shelf())
            self._shelves.move_to_end(source)
            while len(self._shelves) > self.sources:
                self._shelves.popitem(last=False)
            return shelf

    def _read(self, shelf: Shelf, video: Video, index: int) -> Pixels:
        shelf.footage = shelf.footage or opened(video.source)
        if index >= shelf.footage.length:
            raise PixelError(
                f"{video.source}: has {shelf.footage.length} frames, but {video.length} were promised; frame {index} "
                "is missing; mend its row, or write the source again"
            )
        made = shelf.footage.read(index)
        with self._lock:
            for number, image in made.items():
                self._keep((video.source, number), _sealed(image))
        return made[index]

    def _keep(self, key: tuple[str, int], image: Pixels) -> None:
        self.decoded += 1
        old = self._frames.pop(key, None)
        self.held += image.nbytes - (old.nbytes if old is not None else 0)
        self._frames[key] = image
        while self.held > self.capacity and len(self._frames) > 1:
            _, given_up = self._frames.popitem(last=False)
            self.held -= given_up.nbytes


STORE = Store()
