"""Pictures that lie in files, one each, and one that is its own name."""

import base64
import binascii
import re
from pathlib import Path

import numpy as np

from framework.errors import PixelError
from framework.vision.footage import Footage, Pixels

STILLS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm"}
"""Files that hold one picture; every other file is taken for a film."""
MEND = "write it again, or leave its row out"


def is_still(file: Path) -> bool:
    return file.suffix.lower() in STILLS and not file.name.startswith(".")


def by_number(file: Path) -> list[tuple[int, str]]:
    """2.png comes before 10.png."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", file.name)]


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
