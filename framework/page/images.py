"""The pictures of a page, each carried once, as a data URI.

frames/<hash>.png ─┬▶ small: as it is, to the pixel
                   ├▶ large: a lighter copy
                   └▶ too many: a link to the file beside the page
"""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

LARGE = 16 * 2**10
"""Bytes of a stored picture from which on the page carries a lighter copy."""
BUDGET = 64 * 2**20
"""Bytes of pictures that a page carries; further ones are read from beside it."""


@dataclass
class Images:
    """Numbers the pictures in the order in which they are asked for."""

    folders: Sequence[Path]
    """Where pictures lie; the same name is the same picture in each."""
    beside: Path
    """Where the page will lie."""
    sources: list[str] = field(default_factory=list[str])
    places: dict[str, int | None] = field(default_factory=dict[str, int | None])
    carried: int = 0
    """Bytes."""
    linked: int = 0
    """Pictures that the budget left outside."""
    missing: int = 0

    def __call__(self, name: str) -> int | None:
        """The page's number of a stored picture; None if its file is gone."""
        if name not in self.places:
            source = self._source(f"{name}.png")
            self.places[name] = len(self.sources) if source else None
            self.sources += [source] if source else []
        return self.places[name]

    def notes(self) -> list[str]:
        """What a reader must know about them."""
        linked = f"{self.linked} pictures are too many to carry and are read from the files beside the page"
        missing = f"{self.missing} pictures are missing from the folder of frames"
        return [text for count, text in ((self.linked, linked), (self.missing, missing)) if count]

    def _source(self, name: str) -> str:
        path = next((folder / name for folder in self.folders if (folder / name).is_file()), None)
        if path is None:
            self.missing += 1
            return ""
        if self.carried >= BUDGET:
            self.linked += 1
            return Path(os.path.relpath(path, self.beside)).as_posix()
        kind, data = _light(path.read_bytes())
        self.carried += len(data) * 4 // 3
        return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _light(png: bytes) -> tuple[str, bytes]:
    """A large picture as webp; a small one as it is, to the pixel."""
    if len(png) < LARGE:
        return "png", png
    import cv2

    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None, "a stored picture is a whole png: it is renamed into place"
    return "webp", cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, 85])[1].tobytes()
