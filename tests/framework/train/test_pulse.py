import asyncio
import time

from framework.train.pulse import Pulse


def late(busy: float) -> float:
    """How late a loop is that is held up for so many seconds, ten times."""

    async def held_up() -> float:
        pulse = Pulse()
        began = pulse.begin()
        for _ in range(10):
            await asyncio.sleep(0.001)
            time.sleep(busy)
        await asyncio.sleep(0.02)
        return pulse.late_since(began)

    return asyncio.run(held_up())


def test_a_loop_that_is_held_up_is_noticed():
    assert late(0.05) > 0.03


def test_a_loop_that_was_never_asked_is_not_late():
    assert Pulse().late_since(0.0) == 0.0
