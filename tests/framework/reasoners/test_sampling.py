"""The queue before a model: shares batches, keeps order, fails loudly and never stalls the loop."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from framework.reasoners.sampling import Batcher, Request, Sampled


def request(number: int) -> Request:
    return Request(ids=[number], max_tokens=1)


class Echo:
    """Says each request's own id, and remembers the batches."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.batches: list[list[int]] = []
        self.seconds = seconds

    def __call__(self, requests: Sequence[Request]) -> list[Sampled]:
        self.batches.append([each.ids[0] for each in requests])
        time.sleep(self.seconds)
        return [Sampled((each.ids[0],), (0.0,), True) for each in requests]


async def ask(batcher: Batcher, count: int) -> list[int]:
    try:
        return [said.ids[0] for said in await asyncio.gather(*(batcher(request(k)) for k in range(count)))]
    finally:
        await batcher.close()


def test_requests_that_come_together_share_a_batch():
    echo = Echo()
    assert asyncio.run(ask(Batcher(echo), 20)) == list(range(20))
    assert len(echo.batches) <= 2


def test_as_long_as_some_come_a_batch_waits_for_them():
    echo = Echo()

    async def ask_late() -> None:
        batcher = Batcher(echo, wait_s=0.25)
        waiting = [asyncio.create_task(batcher(request(0)))]
        for number in (1, 2, 3):
            await asyncio.sleep(0.03)
            waiting.append(asyncio.create_task(batcher(request(number))))
        await asyncio.gather(*waiting)
        await batcher.close()

    asyncio.run(ask_late())
    assert echo.batches == [[0, 1, 2, 3]]


def test_no_batch_is_larger_than_allowed_and_a_full_queue_waits():
    echo = Echo()
    assert asyncio.run(ask(Batcher(echo, largest=3, waiting=2), 20)) == list(range(20))
    assert max(map(len, echo.batches)) <= 3


def test_an_error_reaches_everyone_who_asked_and_the_queue_goes_on():
    def refuse(requests: Sequence[Request]) -> list[Sampled]:
        if any(each.ids[0] == 0 for each in requests):
            raise ValueError("no room")
        return Echo()(requests)

    async def story() -> None:
        batcher = Batcher(refuse)
        for said in await asyncio.gather(batcher(request(0)), batcher(request(1)), return_exceptions=True):
            assert isinstance(said, ValueError)
        assert (await batcher(request(2))).ids == (2,)
        await batcher.close()

    asyncio.run(story())


def test_whoever_goes_away_holds_nobody_up():
    async def story() -> None:
        batcher = Batcher(Echo(0.05))
        gone = asyncio.create_task(batcher(request(0)))
        await asyncio.sleep(0.01)
        gone.cancel()
        assert (await batcher(request(1))).ids == (1,)
        await batcher.close()

    asyncio.run(story())


def test_whoever_still_waits_at_the_end_is_told():
    async def story() -> None:
        batcher = Batcher(Echo(0.1), largest=1)
        waiting = [asyncio.create_task(batcher(request(k))) for k in range(3)]
        await asyncio.sleep(0.02)
        await batcher.close()
        done, late = await asyncio.wait(waiting, timeout=1)
        assert not late
        assert all(task.cancelled() for task in done)

    asyncio.run(story())


def test_the_loop_goes_on_while_a_batch_is_answered():
    async def story() -> float:
        batcher = Batcher(Echo(1.0))
        asking, longest, last = asyncio.create_task(batcher(request(0))), 0.0, time.perf_counter()
        while not asking.done():
            await asyncio.sleep(0.002)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        await batcher.close()
        return longest

    assert asyncio.run(story()) < 0.5


@pytest.mark.parametrize("count", [1, 5])
def test_a_queue_can_be_opened_before_there_is_a_loop(count: int):
    assert asyncio.run(ask(Batcher(Echo()), count)) == list(range(count))
