"""Tells whether an event loop still listens: a task wants to run every few milliseconds and notes how late it came."""

import asyncio
import time
from collections import deque
from itertools import takewhile

import numpy as np

TICK_S = 0.005
KEPT = 100_000
"""Beats that are remembered: some minutes."""


class Pulse:
    """Begins to beat when it is first asked, in the loop of whoever asks."""

    def __init__(self) -> None:
        self.late: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self.task: asyncio.Task[None] | None = None

    def begin(self) -> float:
        """The time from which `late_since` counts."""
        if self.task is None:
            self.task = asyncio.create_task(self._beat())
        return time.perf_counter()

    def late_since(self, began: float) -> float:
        """Of a hundred beats since then, the latest but one came this many seconds late."""
        late = [seconds for _, seconds in takewhile(lambda beat: beat[0] >= began, reversed(self.late))]
        return float(np.quantile(late, 0.99)) if late else 0.0

    async def _beat(self) -> None:
        while True:
            due = time.perf_counter() + TICK_S
            await asyncio.sleep(TICK_S)
            now = time.perf_counter()
            self.late.append((now, max(now - due, 0.0)))
