"""The time of day, by the control plane's clock: what grants are checked by and months are counted by.

Every heartbeat's answer says what time it is there. A host that is more than `TOLERANCE` off is corrected by the difference,
one line of the log says so, and a metric shows it; nearer than that, the host's own clock is as good. Requests to AWS are
signed with the host's clock, so beyond five minutes no heartbeat is answered at all, and the node does not become ready.
"""

import logging
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

TOLERANCE: Final = 2.0
"""Seconds. A grant allows for 5 (`shared.grants.GRACE_SECONDS`), so this much stays unnoticed."""


class WallTime:
    """The time of day, corrected by what the control plane says; call it for seconds since the epoch."""

    def __init__(self, system: Callable[[], float]) -> None:
        self._system = system
        self.offset = 0.0
        """Seconds by which the control plane's clock is ahead of the host's, as measured last."""
        self._correction = 0.0

    def __call__(self) -> float:
        """Seconds since the epoch, by the control plane's clock."""
        return self._system() + self._correction

    def learn(self, at: float, round_trip: float) -> None:
        """Take note that it was *at* by the control plane's clock, in an answer that took *round_trip* seconds; 0: it did not say."""
        if not at:
            return
        self.offset = at + round_trip / 2 - self._system()
        off = abs(self.offset) > TOLERANCE + round_trip / 2
        if off and not self._correction:
            log.warning(
                "this host's clock is %.1f s %s the control plane's; corrected here, but synchronise it",
                abs(self.offset),
                "behind" if self.offset > 0 else "ahead of",
            )
        if not off and self._correction:
            log.info("this host's clock agrees with the control plane's again")
        self._correction = self.offset if off else 0.0
