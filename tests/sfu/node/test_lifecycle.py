"""A node's own life: what fails beside the media does not end it, and a port says why it cannot be had."""

import asyncio
import errno
import logging

import pytest

from sfu.node.lifecycle import _kept_running, _why
from sfu.settings import Bind


async def test_a_task_that_fails_through_a_bug_is_started_again(caplog: pytest.LogCaptureFixture) -> None:
    """A broken heartbeat or report must not take the sessions with it."""
    caplog.set_level(logging.ERROR)
    runs = asyncio.Semaphore(0)

    async def broken() -> None:
        runs.release()
        raise ZeroDivisionError

    task = asyncio.ensure_future(_kept_running(broken))
    async with asyncio.timeout(5):
        await runs.acquire()
        await runs.acquire()
    task.cancel()
    assert caplog.records[0].exc_info is not None


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.EADDRINUSE, "UDP port 10.0.0.1:8189 is taken by another process; stop that one, or set"),
        (errno.EADDRNOTAVAIL, "10.0.0.1 is no address of this machine; set SLUICE_UDP_BIND to one that is"),
        (errno.EACCES, "UDP port 10.0.0.1:8189 may not be opened by this user; set SLUICE_UDP_BIND to a port above"),
        (errno.EAFNOSUPPORT, "UDP port 10.0.0.1:8189 cannot be opened (no); set SLUICE_UDP_BIND to another one."),
    ],
)
def test_each_reason_for_a_closed_port_has_its_advice(number: int, says: str) -> None:
    """One sentence: what, why, and which variable helps."""
    error = OSError(number, "no")
    error.strerror = "no"
    sentence = _why("UDP", "SLUICE_UDP_BIND", Bind("10.0.0.1", 8189), error)
    assert sentence.startswith(says.partition(" (")[0])
    assert sentence.endswith(".")
