"""One source of frames, opened. Nothing is ever made up: what cannot be read is a PixelError that names the file, the
frame and the remedy."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""[height, width, 3]: red, green, blue."""


class Footage(ABC):
    """One thread at a time may read it."""

    length: int
    fps: float | None = None
    """Frames a second; pictures and arrays do not say."""

    @property
    def seconds(self) -> NDArray[np.float64]:
        """When each frame is shown, from the first on; frames without a rate are a second apart."""
        return np.arange(self.length) / (self.fps or 1.0)

    @abstractmethod
    def read(self, index: int) -> dict[int, Pixels]: ...

    def close(self) -> None:  # noqa: B027 most keep nothing open
        """It is read no more, and what an open file takes is given back at once."""
