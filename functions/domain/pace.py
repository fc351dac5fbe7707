"""How a webhook's receiver answered lately: whether it gets the quick lane or the slow one, and how many attempts at a time. Pure.

`functions.webhooks.lanes` says what the lanes are.
"""

from dataclasses import dataclass

QUICK_SECONDS = 1.0
"""For a batch of the quick lane, from its first connection to its last answer."""
SLOW_SECONDS = 60.0
"""How long a receiver counts as slow after it was."""
IN_FLIGHT = 4
"""Attempts of one account at a time in the slow lane, among all functions."""
TIRED = 5
"""Attempts in a row that ended by the time limit, after which a receiver is left alone for a while."""
REST_SECONDS = 30.0
"""For how long it is left alone at first; doubled by each further attempt that ends by the time limit."""
MAX_REST_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How an account's receiver answered lately; all fields are 0 for one that is quick."""

    slow_until: float = 0
    """Its messages take the slow lane until then."""
    timeouts: int = 0
    """How many attempts in a row ended by the time limit."""
    rests_until: float = 0
    """It is left alone until then."""

    def slow(self, now: float) -> bool:
        """Whether its messages take the slow lane at *now*."""
        return now < self.slow_until

    @property
    def permits(self) -> int:
        """How many attempts it may have at a time; one for a receiver that first has to answer again."""
        return 1 if self.timeouts >= TIRED else IN_FLIGHT

    def after(self, *, timeout: bool, seconds: float, now: float) -> "Pace":
        """The pace after an attempt that took so many *seconds* and ended at *now*, by the time limit or by an answer."""
        if not timeout:
            return Pace() if seconds < QUICK_SECONDS else Pace(now + SLOW_SECONDS)
        timeouts = self.timeouts + 1
        tired = timeouts - TIRED
        rests = now + min(REST_SECONDS * 2 ** min(tired, 10), MAX_REST_SECONDS) if tired >= 0 else 0
        return Pace(max(now, rests) + SLOW_SECONDS, timeouts, rests)


QUICK = Pace()
"""The pace of a receiver of which nothing else is known."""
