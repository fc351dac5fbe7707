"""Watches how late the event loop is: the one number that says whether this node has more to do than its core can."""

import asyncio
from collections import deque
from typing import Final

PERIOD: Final = 0.25
KEPT: Final = 40
"""Samples that count: the last 10 s, so that a scrape every 15 s misses little."""


class LoopDelay:
    """The worst lateness of a timer over the last seconds."""

    def __init__(self) -> None:
        self._samples: deque[float] = deque(maxlen=KEPT)

    @property
    def worst(self) -> float:
        """The worst lateness of the last ten seconds, in seconds."""
        return max(self._samples, default=0.0)

    async def run(self) -> None:
        """Measure four times a second until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            expected = loop.time() + PERIOD
            await asyncio.sleep(PERIOD)
            self._samples.append(max(0.0, loop.time() - expected))
