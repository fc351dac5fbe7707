"""Reports the meter's totals to the queue: every 5 s, at the end of sessions, and a last time at shutdown.

One task, one message at a time. A queue that is away costs no memory and no bytes, because totals are cumulative: the
first report that gets through says everything (see `sfu.control.meter`). Media never waits for it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from sfu.control.aws import AwsError
from sfu.control.meter import Meter
from shared.messages import UsageReport

log = logging.getLogger(__name__)

INTERVAL: Final = 5.0
SPACING: Final = 0.5
"""Shortest time between two reports, so that a hundred viewers who leave together are one."""
RETRY: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Pauses after the first, second … failure in a row, each made up to a quarter longer by chance."""
TIMEOUT: Final = 5.0

Send = Callable[[str], Awaitable[None]]
"""Puts one text into the queue; raises `AwsError` unless the queue has it."""


class UsageReporter:
    """Sends the usage that the queue does not know yet, until it is cancelled. *random* gives numbers from 0 to 1."""

    def __init__(
        self,
        meter: Meter,
        send: Send,
        *,
        node: str,
        boot: str,
        wall_clock: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self._meter = meter
        self._send = send
        self._node = node
        self._boot = boot
        self._wall_clock = wall_clock
        self._random = random
        self._wake = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._failures = 0
        self._seq = 0
        self.sent = 0
        self.failed = 0

    def report_soon(self) -> None:
        """Report as soon as the spacing allows, because a session ended."""
        self._wake.set()

    async def run(self) -> None:
        """Report every few seconds, and soon after a session ended, until cancelled."""
        while True:
            await self.report()
            if self._failures:
                pause = RETRY[min(self._failures, len(RETRY)) - 1]
                await asyncio.sleep(pause * (1 + self._random() / 4))
                continue
            await asyncio.sleep(SPACING)
            try:
                async with asyncio.timeout(INTERVAL - SPACING):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def report(self) -> bool:
        """Send everything that the queue does not know, and say whether it does now."""
        async with self._one_at_a_time:
            self._wake.clear()
            for entries in self._meter.pending():
                self._seq += 1
                report = UsageReport(
                    node=self._node, boot=self._boot, seq=self._seq, at=self._wall_clock(), entries=entries
                )
                try:
                    await self._send(report.model_dump_json())
                except AwsError as error:
                    self.failed += 1
                    self._failures += 1
                    if self._failures == 1:
                        log.warning("usage cannot be reported and is kept: %s", error)
                    return False
                self._meter.acknowledge(entries)
                self.sent += 1
            if self._failures:
                log.info("usage is reported again", extra={"failed": self._failures})
                self._failures = 0
            return True

    async def finish(self, seconds: float) -> bool:
        """Report a last time, trying for *seconds*, and say whether the queue knows everything."""
        try:
            async with asyncio.timeout(seconds):
                while not await self.report():  # noqa: ASYNC110  # a pause between tries, not a wait for a flag
                    await asyncio.sleep(RETRY[0])
        except TimeoutError:
            log.error(  # noqa: TRY400  # the traceback of a time limit tells nothing
                "the queue did not take the last usage report", extra={"unreported_bytes": self._meter.unreported()}
            )
            return False
        return True
