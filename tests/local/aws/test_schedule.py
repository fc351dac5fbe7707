"""A schedule against a real function process."""

import asyncio
from collections.abc import Awaitable, Callable

from local.aws import schedule
from local.aws.resources import Schedule
from local.aws.runtime import FunctionPool
from local.process.log import StackLog


async def test_a_function_is_invoked_each_time_that_it_is_due(
    make_pool: Callable[..., Awaitable[FunctionPool]], log: StackLog
) -> None:
    """A failure is logged and due again; it ends when it is cancelled."""
    pool = await make_pool()
    await pool.start()
    due = Schedule("Probe", 0.05, {"Records": [{"body": "raise", "messageId": "1"}]})
    task = asyncio.create_task(schedule.run(due, pool, log))
    async with asyncio.timeout(20):
        while log.path.read_text().count("Probe<-schedule") < 2:  # noqa: ASYNC110 - a log has no event for it
            await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert "the batch is broken" in log.path.read_text()
