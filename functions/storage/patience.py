"""How long a function goes on for: what is left of its invocation, and whether a store that fails is asked once more.

Decided by time, never by a count of attempts: what a count spans is the library's to change (botocore 1.43 spread three
attempts over 1.8 s, 1.44 over 0.15 s), and what passes on the other side (a failover, a split partition) takes seconds. A
store may fail for `STORE_SECONDS` before a request is refused, which clients wait for easily; and no pause begins so late
that the answer would come after Lambda's time limit, or API Gateway's 29 s.
"""

import time
from collections.abc import Callable, Iterator
from math import inf
from random import random

STORE_SECONDS = 4.0
RESERVE_SECONDS = 3.0
"""For one attempt that times out (2 s) and the answer."""
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 0.5
"""Whoever waits so long between attempts asks less of a store in trouble than in ordinary times."""

Left = Callable[[], float]
"""How many seconds are left for work."""


def unhurried() -> float:
    """For callers without a time limit."""
    return inf


class Patience:
    """One execution environment's: it serves one invocation at a time."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._chance = chance
        self._until = inf

    def begin(self, context: object) -> None:
        """Start of an invocation; Lambda's *context* says how long it may take."""
        remaining = getattr(context, "get_remaining_time_in_millis", None)
        self._until = self._clock() + remaining() / 1000 if remaining is not None else inf

    def left(self) -> float:
        """Seconds of the invocation that may be worked in; the reserve is for the answer."""
        return self._until - self._clock() - RESERVE_SECONDS

    def pauses(self) -> Iterator[None]:
        """One step for each further attempt, after a pause that grows; it ends when time is up."""
        end = min(self._clock() + STORE_SECONDS, self._until - RESERVE_SECONDS)
        pause = FIRST_PAUSE
        while True:
            # Spread, so that those who failed together do not come back together.
            wait = pause * (0.5 + self._chance() / 2)
            if self._clock() + wait > end:
                return
            self._sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE)
            yield


class NoPatience(Patience):
    """For callers whose client tries again by itself, or who want to know at once."""

    def pauses(self) -> Iterator[None]:
        """None."""
        return iter(())
