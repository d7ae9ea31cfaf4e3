"""Work that blocks, beside the event loop: each worker has a thread of its own, and only so many work at once.

    await worker.does(step, 3) ─▶ waits for a place ─▶ its deadline begins, its thread works ─▶ what came of it
                                                             └▶ late: the place is free, the thread is left to itself

One thread for all of a game, since some libraries draw only where they were opened; none that a program's end waits
for, since some hang.
"""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from contextvars import ContextVar
from queue import SimpleQueue
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")
AT_ONCE = min(32, (os.cpu_count() or 1) + 4)
"""Workers at work; more would only keep one another, and the event loop, from their core."""
_PLACES: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
_LIMIT: ContextVar[tuple[asyncio.Timeout, float] | None] = ContextVar("limit", default=None)


@asynccontextmanager
async def deadline(seconds: float) -> AsyncGenerator[None]:
    """So long may this take, the wait for a worker's place aside; then TimeoutError."""
    async with asyncio.timeout(seconds) as limit:
        token = _LIMIT.set((limit, seconds))
        try:
            yield
        finally:
            _LIMIT.reset(token)


class Worker:
    """A thread that does what it is told, in that order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.told: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        self.newest: Future[Any] | None = None

    async def does(self, work: Callable[..., T], *args: Any) -> T:
        """What comes of it."""
        loop = asyncio.get_running_loop()
        limit, seconds = _LIMIT.get() or (None, 0.0)
        if limit:
            limit.reschedule(None)
        async with _PLACES.setdefault(loop, asyncio.Semaphore(AT_ONCE)):
            if limit:
                limit.reschedule(loop.time() + seconds)
            return await asyncio.wrap_future(self.later(work, *args))

    def later(self, work: Callable[..., T], *args: Any) -> "Future[T]":
        """To be done once all is done that it was told before."""
        if self.newest is None:
            threading.Thread(target=self._works, name=self.name, daemon=True).start()
        promised: Future[T] = Future()
        self.told.put((lambda: work(*args), promised))
        self.newest = promised
        return promised

    async def ends(self, work: Callable[[], object]) -> None:
        """The last that it does; behind what hangs it is not waited for."""
        hangs = self.newest is not None and not self.newest.done()
        last = self.later(work)
        self.told.put(None)
        if not hangs:
            await asyncio.wrap_future(last)

    def _works(self) -> None:
        while (told := self.told.get()) is not None:
            work, promised = told
            if promised.set_running_or_notify_cancel():
                try:
                    promised.set_result(work())
                except BaseException as error:  # whoever waits for it is to have it
                    promised.set_exception(error)
