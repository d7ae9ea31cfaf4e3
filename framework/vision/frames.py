"""Pixels on demand: a reference to a picture becomes an array here, and nowhere else.

    Picture(video, frame, crop, grain, size) ─▶ frame, decoded once ─▶ crop ─▶ grain × grain cells ─▶ size

Arrays are shared, so they are read-only.
"""

import math
import threading
from collections import OrderedDict
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from framework.errors import PixelError
from framework.types import Picture, Video
from framework.vision import stock
from framework.vision.boxes import Box
from framework.vision.footage import Footage, Pixels
from framework.vision.sources import opened
from framework.vision.stock import Slot, Stock


def pixels(picture: Picture) -> Pixels:
    """What the model sees of this picture: [height, width, 3]."""
    return STORE.picture(picture)


def frame(video: Video, index: int) -> Pixels:
    """One original frame."""
    return STORE.frame(video, index)


def probe(path: Path | str) -> Video:
    """What a source says of itself: length, size and frames a second. Images have no clock."""
    with closing(opened(str(path))) as footage:
        return measured(footage, str(path))


def measured(footage: Footage, source: str) -> Video:
    """The same of one that is open."""
    height, width, _ = footage.read(0)[0].shape
    return Video(source, footage.length, width, height, footage.fps)


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


def painted(seen: Pixels, picture: Picture) -> Pixels:
    """The picture that is made of this frame."""
    import cv2

    if picture.crop is not None:
        seen = _part(seen, picture.crop.to(picture.video.space(picture.frame)))
    if picture.grain is not None:
        cells = resized(seen, (picture.grain, picture.grain))
        seen = cv2.resize(cells, picture.size, interpolation=cv2.INTER_NEAREST).astype(cells.dtype, copy=False)
    return resized(seen, picture.size)


def _part(image: Pixels, box: Box) -> Pixels:
    """The whole pixels that a box touches."""
    x0, y0 = max(math.floor(box.x0), 0), max(math.floor(box.y0), 0)
    part = image[y0 : math.ceil(box.y1), x0 : math.ceil(box.x1)]
    if not part.size:
        raise PixelError(f"{box.space.picture}: the crop {box.corners} holds no pixel; widen it, as envs/zoom.py does")
    return part


@dataclass
class Shelf:
    """One source, who may read it now, and which frames are waited for."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    footage: Footage | None = None
    wanted: list[int] = field(default_factory=list[int])

    def close(self) -> None:
        if self.footage:
            self.footage.close()


class Store:
    """Decodes each frame once, however many threads and processes want it, and makes each picture of it once.

    Whoever may read a source reads what the others wait for as well, in order: a window of a film is one scan.
    """

    def __init__(self, kept: Stock | None = None, sources: int = 32) -> None:
        """At most `sources` stay open that nobody reads."""
        self.kept: Stock = kept or stock.Memory()
        self.sources = sources
        self.decoded = 0
        """Frames that this process made from a source."""
        self._lock = threading.Lock()
        self._shelves: OrderedDict[str, Shelf] = OrderedDict()

    def picture(self, picture: Picture) -> Pixels:
        """Crops are not kept, since hardly any two are the same."""
        if picture.crop is not None:
            return stock.sealed(painted(self.frame(picture.video, picture.frame), picture))
        slot = Slot(picture.video.source, picture.frame, picture.size, picture.grain)
        found = self.kept.get(slot)
        if found is None:
            found = self.kept.put(slot, painted(self.frame(picture.video, picture.frame), picture))
        return found

    def frame(self, video: Video, index: int) -> Pixels:
        if not 0 <= index < video.length:
            raise PixelError(f"{video.source}: there is no frame {index}; there are 0–{video.length - 1}")
        found = self.kept.get(_slot(video, index))
        return self._waited_for(video, index) if found is None else found

    def _waited_for(self, video: Video, index: int) -> Pixels:
        shelf = self._shelf(video.source, index)
        try:
            with shelf.lock, self.kept.alone(video.source):
                found = self.kept.get(_slot(video, index))
                return self._read(shelf, video, index) if found is None else found
        finally:
            with self._lock:
                shelf.wanted.remove(index)
                idle = [name for name, each in self._shelves.items() if not each.wanted]
                surplus = [self._shelves.pop(name) for name in idle[: max(len(self._shelves) - self.sources, 0)]]
            for each in surplus:
                each.close()

    def _shelf(self, source: str, index: int) -> Shelf:
        with self._lock:
            shelf = self._shelves.setdefault(source, Shelf())
            shelf.wanted.append(index)
            self._shelves.move_to_end(source)
            return shelf

    def _read(self, shelf: Shelf, video: Video, index: int) -> Pixels:
        """This frame, and on the way those that others wait for. If one of theirs cannot be read, they will be told."""
        footage = shelf.footage = shelf.footage or opened(video.source)
        if index >= footage.length:
            raise PixelError(
                f"{video.source}: has {footage.length} frames, but {video.length} were promised; frame {index} "
                "is missing; mend its row, or write the source again"
            )
        with self._lock:
            wanted = sorted(number for number in set(shelf.wanted) if number < footage.length)
        made: dict[int, Pixels] = {}
        for number in wanted:
            if number in made or (number != index and self.kept.get(_slot(video, number)) is not None):
                continue
            try:
                made |= self._decoded(footage, video, number)
            except PixelError:
                if number == index:
                    raise
        return made[index]

    def _decoded(self, footage: Footage, video: Video, number: int) -> dict[int, Pixels]:
        """A frame, and what is decoded with it."""
        made = footage.read(number)
        with self._lock:
            self.decoded += len(made)
        for each, image in made.items():
            height, width = image.shape[:2]
            if (width, height) != (video.width, video.height):
                raise PixelError(
                    f"{video.source} (frame {each}): is {width}×{height}, but {video.width}×{video.height} was "
                    "promised; mend its row, or make all frames of one size"
                )
        return {each: self.kept.put(_slot(video, each), image) for each, image in made.items()}


def _slot(video: Video, index: int) -> Slot:
    return Slot(video.source, index, (video.width, video.height))


STORE = Store(stock.here())
"""What all of this process shares, and with it, if the environment says so, all processes of a node."""
