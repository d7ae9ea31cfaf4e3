"""A clip that stays on a server of games: its frames come one by one, as bytes, when somebody looks.

http://127.0.0.1:8100/clips/NAME ─▶ GET /clips/NAME/3 ─▶ png ─▶ pixels
"""

import sys
import time

from framework.errors import PixelError
from framework.remote.client import Client
from framework.remote.request import Refused
from framework.vision.footage import Footage, Pixels
from framework.vision.stills import decoded

PATIENCE_S = 20.0
"""Seconds in which a frame must be there, all tries together."""


class Streamed(Footage):
    """Footage whose length its Video knows."""

    length = sys.maxsize

    def __init__(self, source: str) -> None:
        url, _, name = source.rpartition("/clips/")
        self.source, self.path, self.client = source, f"/clips/{name}", Client(url)

    def read(self, index: int) -> dict[int, Pixels]:
        until, name = time.monotonic() + PATIENCE_S, f"{self.source} (frame {index})"
        try:
            seen = self.client.asked("GET", f"{self.path}/{index}", None, until, lambda data: decoded(data, name))
        except Refused as refused:
            raise PixelError(f"{refused} (frame {index}); is it still served?") from None
        return {index: seen}
