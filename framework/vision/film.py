"""A video file: its frames by number, in the order of their times, which need not be even.

    times        0   4   8  12  16  20 …        of what is shown, in ticks of the file's clock
    key_times   -8          12         …        of what can be decoded on its own; an edit list may hide some of these

It goes on from where it is if that is nearer than the last key frame before what is asked for, and else seeks.
"""

from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from framework.errors import PixelError
from framework.vision.footage import Footage, Pixels

if TYPE_CHECKING:
    from av import VideoFrame

SEEK = 8
"""Going on over a key frame is worth as many frames as this: a seek takes as long."""
LATE = 16
"""No codec holds a frame back for more frames than this."""
REMEDY = "write it again as mp4 or as a folder of images, or leave its row out"


class Film(Footage):
    def __init__(self, path: Path) -> None:
        import av.error

        self.path = path
        if not path.stat().st_size:
            raise PixelError(f"{path}: the file is empty; write it again, or leave its row out")
        try:
            self._open()
            packets = [
                (each.pts, each.dts, each.is_keyframe, each.is_discard)
                for each in self.container.demux(self.stream)
                if each.size
            ]
        except av.error.FFmpegError as error:
            raise PixelError(f"{path}: {error.strerror}; {REMEDY}") from None
        shown = [time for time, _, _, is_hidden in packets if not is_hidden]
        if not shown or None in shown:
            raise PixelError(f"{path}: its frames carry no times, so none can be found by its number; {REMEDY}")
        keys = [(time, decoded) for time, decoded, is_key, _ in packets if is_key and time is not None]
        if not keys:
            raise PixelError(f"{path}: has no key frame, so none of its frames can be decoded; {REMEDY}")
        self.times: NDArray[np.int64] = np.unique(np.array(shown, np.int64))
        self.length = len(self.times)
        self.fps = float(self.stream.average_rate or self.stream.guessed_rate or 0) or None
        self.keys = sorted((time, time if decoded is None else decoded) for time, decoded in keys)
        """When each is shown, and when it is decoded: by which of these is sought is the container's affair."""
        self.key_times = np.array([time for time, _ in self.keys], np.int64)
        self.frames: Iterator[VideoFrame] = iter(())
        self.next = self.length  # nothing is decoded yet, so the first read seeks

    @property
    def seconds(self) -> NDArray[np.float64]:
        return (self.times - self.times[0]) * float(self.stream.time_base or 0)

    def read(self, index: int) -> dict[int, Pixels]:
        import av.error

        if self._key(index) < 0:
            first = self._number(self.key_times[0])
            raise PixelError(f"{self.path} (frame {index}): comes before the first key frame, {first}; {REMEDY}")
        try:
            found = self._forward(index) if self._is_ahead(index) else None
            found = found if found is not None else self._sought(index)
        except av.error.FFmpegError as error:
            raise PixelError(f"{self.path} (frame {index}): {error.strerror}; {REMEDY}") from None
        if found is None:
            raise PixelError(f"{self.path} (frame {index}): the file breaks off before it; {REMEDY}")
        return {index: found}

    def close(self) -> None:
        self.frames, self.next = iter(()), self.length
        self.container.close()

    def _open(self) -> None:
        import av

        self.container = av.open(str(self.path))
        if not self.container.streams.video:
            raise PixelError(f"{self.path}: holds no video; {REMEDY}")
        self.stream = self.container.streams.video[0]

    def _is_ahead(self, index: int) -> bool:
        """Is it reached sooner by going on than from the last key frame before it?"""
        return self.next <= index and self._number(self.key_times[self._key(index)]) - self.next <= SEEK

    def _key(self, index: int) -> int:
        """The last key frame that is shown no later, or -1."""
        return int(np.searchsorted(self.key_times, int(self.times[index]), side="right")) - 1

    def _number(self, time: int) -> int:
        return int(np.searchsorted(self.times, time))

    def _sought(self, index: int) -> Pixels | None:
        """From the key frame before; a container whose index lies is read from its start."""
        for time in (*self.keys[self._key(index)], None):
            self._rewind(time)
            found = self._forward(index)
            if found is not None:
                return found
        return None

    def _rewind(self, time: int | None) -> None:
        """To this time, or else to the start of the file."""
        if time is None:
            self.close()
            self._open()
        else:
            self.container.seek(time, stream=self.stream)
        self.frames = self._ordered(self.container.decode(self.stream))

    def _ordered(self, decoded: Iterator["VideoFrame"]) -> Iterator["VideoFrame"]:
        """Frames with their times. If one that was passed over comes late, the file does not know its own times.

        An AVI keeps none: where frames are decoded in another order than they are shown, what is guessed is wrong.
        """
        ahead: deque[VideoFrame] = deque()
        timed, last = (frame for frame in decoded if frame.pts is not None), self.length
        while frame := ahead.popleft() if ahead else next(timed, None):
            number = self._number(frame.pts or 0)
            if number > last + 1:
                ahead.extend(islice(timed, LATE - len(ahead)))
            if any((each.pts or 0) < (frame.pts or 0) for each in ahead):
                raise PixelError(f"{self.path}: its frames' times are out of order; {REMEDY}")
            last = number
            yield frame

    def _forward(self, index: int) -> Pixels | None:
        wanted = self.times[index]
        for frame in self.frames:
            assert frame.pts is not None
            if frame.pts < wanted:
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
