"""Asking a model to go on: the request, the answer, and a queue that lets many episodes share one batch.

    episode ─▶ Request ─┐
    episode ─▶ Request ─┼─▶ Batcher ─▶ one batch ─▶ Sampled, Sampled, Sampled ─▶ each to its episode
    episode ─▶ Request ─┘

No torch here: whoever asks need not know who answers, a model in this process or a server far away.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Request:
    """Everything read and said so far, to be continued."""

    ids: Sequence[int]
    images: Sequence[Pixels] = ()
    """All pictures of these ids, in order, height × width × 3, as large as the model sees them."""
    max_tokens: int
    temperature: float = 1.0
    """0 takes the likeliest token."""
    top_p: float = 1.0
    seed: int | None = None
    """The same request with the same seed is answered alike, whatever else is in its batch."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a model said."""

    ids: tuple[int, ...]
    log_probs: tuple[float, ...]
    """At the asked temperature, banned tokens left out, before top_p narrows it: what a trainer recomputes."""
    finished: bool
    """It ended with a stop token, which is its last id; otherwise it ran into max_tokens."""
    step: int | None = None
    """Of which step of training the weights were that said it, where that is known."""


class Generate(Protocol):
    """Whoever answers requests."""

    async def __call__(self, request: Request, /) -> Sampled: ...


class Batcher:
    """Collects requests for as long as some come every few milliseconds, and has them answered together, off the
    event loop."""

    def __init__(
        self,
        generate: Callable[[Sequence[Request]], Sequence[Sampled]],
        largest: int = 64,
        wait_s: float = 0.005,
        waiting: int = 1024,
    ) -> None:
        self.generate, self.largest, self.wait_s = generate, largest, wait_s
        self.queue: asyncio.Queue[tuple[Request, asyncio.Future[Sampled]]] = asyncio.Queue(waiting)
        self.thread = ThreadPoolExecutor(1, "generate")
        self.task: asyncio.Task[None] | None = None

    async def __call__(self, request: Request, /) -> Sampled:
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._serve())
        promised = asyncio.get_running_loop().create_future()
        await self.queue.put((request, promised))
        return await promised

    async def close(self) -> None:
        """Stop serving; whoever still waits is cancelled."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
        while not self.queue.empty():
            self.queue.get_nowait()[1].cancel()
        self.thread.shutdown(wait=False)

    async def _serve(self) -> None:
        while True:
            batch = [await self.queue.get()]
            try:
                while not await self._collected(batch):
                    pass
                await self._answer(batch)
            finally:
                for _, promised in batch:
                    promised.cancel()  # only those that were not answered, because the queue was closed

    async def _collected(self, batch: list[tuple[Request, "asyncio.Future[Sampled]"]]) -> bool:
        """Take what has come meanwhile; True if that is nothing, or enough."""
        before = len(batch)
        await asyncio.sleep(self.wait_s)
        while len(batch) < self.largest and not self.queue.empty():
            batch.append(self.queue.get_nowait())
        return len(batch) in (before, self.largest)

    async def _answer(self, batch: Sequence[tuple[Request, "asyncio.Future[Sampled]"]]) -> None:
        asked = [request for request, _ in batch]
        answers = asyncio.get_running_loop().run_in_executor(self.thread, self.generate, asked)
        await asyncio.wait([answers])
        error = answers.exception()
        for number, (_, promised) in enumerate(batch):
            if promised.done():
                continue  # whoever asked has gone
            if error:
                promised.set_exception(error)
            else:
                promised.set_result(answers.result()[number])
