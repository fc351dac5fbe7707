"""A Schedule event of the template: what EventBridge does for it, by this machine's clock."""

import asyncio

from local.aws.runtime import Failed, FunctionPool
from local.aws.template import Schedule
from local.process.log import Log


async def run(schedule: Schedule, pool: FunctionPool, log: Log) -> None:
    """Invoke the function each time that it is due, until cancelled; what fails is logged, and due again later."""
    while True:
        await asyncio.sleep(schedule.seconds)
        try:
            outcome = await pool.invoke(schedule.payload, within=pool.function.timeout + 60)
        except TimeoutError:
            outcome = Failed("nothing was free to run it")
        if isinstance(outcome, Failed):
            log.write(f"{schedule.function}<-schedule", f"it failed: {outcome.reason}")
