"""A loop that is held up shows."""

import asyncio
import time

from sfu.node.loopdelay import PERIOD, LoopDelay


async def test_a_loop_that_was_held_up_is_seen_as_late() -> None:
    """Whatever blocks it, packets wait as long."""
    delay = LoopDelay()
    assert delay.worst == 0
    task = asyncio.ensure_future(delay.run())
    await asyncio.sleep(0)
    time.sleep(PERIOD + 0.1)  # noqa: ASYNC251  # blocks the loop, which is the point
    async with asyncio.timeout(5):
        while not delay.worst:  # noqa: ASYNC110  # a sample is taken in its own time
            await asyncio.sleep(0.01)
    task.cancel()
    assert 0.09 < delay.worst < 5
