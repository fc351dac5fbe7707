"""Invokes a function as often as a Schedule event of the template says, by this machine's clock."""

import asyncio

from local.aws.resources import Schedule
from local.aws.runtime import FailedInvocation, FunctionPool
from local.process.log import StackLog


async def run(schedule: Schedule, pool: FunctionPool, log: StackLog) -> None:
    """Invoke the function each time that it is due, until cancelled. What fails is logged, and tried again when it is next due."""
    while True:
        await asyncio.sleep(schedule.seconds)
        try:
            outcome = await pool.invoke(schedule.payload, within=pool.function.timeout + 60)
        except TimeoutError:
            outcome = FailedInvocation("nothing was free to run it")
        if isinstance(outcome, FailedInvocation):
            log.write(f"{schedule.function}<-schedule", f"it failed: {outcome.reason}")
