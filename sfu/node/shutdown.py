"""How a node stops: the first SIGTERM or SIGINT drains it, the second one ends it at once.

`Shutdown` is the flag that the rest reads; `drain` is the order of events: say `draining`, let sessions leave or be handed
over (`sfu.control.handover`) for as long as the settings allow, end the rest cleanly, report the last bytes, say `stopped`. Whoever runs it closes the sockets.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from sfu.control.link import Link

log = logging.getLogger(__name__)

ANNOUNCE_SECONDS: Final = 1.0
"""How long sessions are kept so that the control plane hears `draining` first and sends nobody here any more."""
LAST_WORDS: Final = 5.0
"""How long the last usage report and the last heartbeat are tried."""
EMPTY_CHECK_SECONDS: Final = 0.2
"""How often a draining node looks whether it is empty."""


class Shutdown:
    """Whether this node was asked to stop, and how urgently."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.forced = asyncio.Event()

    @property
    def draining(self) -> bool:
        """Whether new sessions are refused with DRAINING."""
        return self.asked.is_set()

    def signalled(self) -> None:
        """Note that SIGTERM or SIGINT came: drain at the first one, end at once at the second."""
        if self.asked.is_set():
            self.forced.set()
        self.asked.set()


async def drain(
    *,
    seconds: float,
    sessions: Callable[[], int],
    last_call: Callable[[], Awaitable[None]],
    end_sessions: Callable[[], Awaitable[None]],
    link: Link,
) -> None:
    """Bring a running node to its end in good order."""
    log.info("draining", extra={"sessions": sessions(), "seconds": seconds})
    link.enter("draining")
    await link.heartbeats.settle(ANNOUNCE_SECONDS)
    try:
        async with asyncio.timeout(seconds):
            while sessions():  # noqa: ASYNC110  # seconds long and rare; no event says "empty"
                await asyncio.sleep(EMPTY_CHECK_SECONDS)
    except TimeoutError:
        log.info("sessions are ended", extra={"sessions": sessions()})
        await last_call()
    await end_sessions()
    link.enter("stopped")
    reported, told = await asyncio.gather(link.usage.finish(LAST_WORDS), link.heartbeats.settle(LAST_WORDS))
    log.info("drained", extra={"usage_reported": reported, "control_plane_told": told})
