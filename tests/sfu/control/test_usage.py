"""Usage reports: on time, never lost, never in the way."""

import asyncio
import selectors
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sfu.control.aws import AwsError
from sfu.control.meter import Meter
from sfu.control.usage import INTERVAL, UsageReporter
from shared.messages import UsageReport


class _Queue:
    """Takes messages, or does not."""

    def __init__(self) -> None:
        self.away = False
        self.messages: list[UsageReport] = []
        self.tries = asyncio.Semaphore(0)

    async def send(self, text: str) -> None:
        await asyncio.sleep(0)
        self.tries.release()
        if self.away:
            raise AwsError("away")
        self.messages.append(UsageReport.model_validate_json(text))


def _reporter(meter: Meter, queue: _Queue) -> UsageReporter:
    return UsageReporter(
        meter, queue.send, node="node1", boot="b" * 16, wall_clock=lambda: 1795532400.0, random=lambda: 0.0
    )


def _meter() -> Meter:
    return Meter(lambda: 1795532400.0)


@asynccontextmanager
async def _running(reporter: UsageReporter) -> AsyncIterator[None]:
    task = asyncio.ensure_future(reporter.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_report_holds_the_totals_and_who_says_so() -> None:
    """The message is what the metering function reads."""
    meter, queue = _meter(), _Queue()
    meter.received("demo", 7, "s")
    assert await _reporter(meter, queue).report()
    assert queue.messages[0].model_dump() == {
        "v": 1,
        "node": "node1",
        "boot": "b" * 16,
        "seq": 1,
        "at": 1795532400.0,
        "entries": (
            {
                "account": "demo",
                "month": "2026-11",
                "received": 7,
                "sent": 0,
                "days": {"24": (7, 0)},
                "streams": {"s": (7, 0)},
            },
        ),
    }


class _Selector(selectors.DefaultSelector):
    """Waits no time; the loop's clock says that it did."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += timeout or 0.0
        return super().select(0)


class _StoppedLoop(asyncio.SelectorEventLoop):
    """A loop whose clock moves only from timer to timer, however slow the machine is."""

    def __init__(self) -> None:
        self._waits = _Selector()
        super().__init__(self._waits)

    def time(self) -> float:
        return self._waits.now


def test_what_changed_is_reported_every_five_seconds() -> None:
    """The most that a killed node loses; with nobody who leaves, who would be reported sooner."""

    async def reports() -> list[float]:
        meter, at = _meter(), list[float]()

        async def send(_: str) -> None:
            at.append(asyncio.get_running_loop().time())
            asyncio.get_running_loop().call_later(0.1, meter.received, "demo", 7, "s")

        meter.received("demo", 7, "s")
        reporter = UsageReporter(
            meter, send, node="node1", boot="b" * 16, wall_clock=lambda: 1795532400.0, random=lambda: 0.0
        )
        async with _running(reporter):
            await asyncio.sleep(16)
        return at

    with asyncio.Runner(loop_factory=_StoppedLoop) as runner:
        at = runner.run(reports())

    assert at == pytest.approx([0, 5, 10, 15], abs=0.01)


async def test_nothing_is_sent_when_nothing_changed() -> None:
    """A quiet node costs no messages."""
    meter, queue = _meter(), _Queue()
    reporter = _reporter(meter, queue)
    meter.received("demo", 7, "s")
    await reporter.report()
    assert await reporter.report()
    assert len(queue.messages) == 1


async def test_the_end_of_a_session_is_reported_soon() -> None:
    """Not only at the next turn of 5 s."""
    meter, queue = _meter(), _Queue()
    reporter = _reporter(meter, queue)
    async with _running(reporter):
        await asyncio.sleep(0)  # the first report, of nothing, is over
        meter.received("demo", 7, "s")
        reporter.report_soon()
        async with asyncio.timeout(INTERVAL - 1):
            await queue.tries.acquire()
    assert queue.messages[0].entries[0].received == 7


async def test_a_queue_that_is_away_is_asked_again_and_gets_everything(caplog: pytest.LogCaptureFixture) -> None:
    """Totals go on growing meanwhile, in the same memory."""
    caplog.set_level("INFO", "sfu.control.usage")
    meter, queue = _meter(), _Queue()
    queue.away = True
    meter.received("demo", 7, "s")
    async with _running(_reporter(meter, queue)), asyncio.timeout(10):
        await queue.tries.acquire()
        await queue.tries.acquire()
        meter.received("demo", 1, "s")
        queue.away = False
        await queue.tries.acquire()
        await asyncio.sleep(0)
    assert [message.entries[0].received for message in queue.messages] == [8]
    assert meter.unreported() == 0
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_the_last_report_is_tried_until_the_queue_has_it() -> None:
    """Shutdown waits for the money."""
    meter, queue = _meter(), _Queue()
    queue.away = True
    meter.received("demo", 7, "s")
    finishing = asyncio.ensure_future(_reporter(meter, queue).finish(5))
    await queue.tries.acquire()
    queue.away = False
    assert await finishing
    assert queue.messages[0].entries[0].received == 7


async def test_the_last_report_gives_up_when_time_is_over(caplog: pytest.LogCaptureFixture) -> None:
    """What is lost then is in the log."""
    meter, queue = _meter(), _Queue()
    queue.away = True
    meter.received("demo", 7, "s")
    assert not await _reporter(meter, queue).finish(0.05)
    assert caplog.records[-1].__dict__["unreported_bytes"] == 7
