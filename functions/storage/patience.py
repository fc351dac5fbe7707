"""How long a function may go on: what is left of its invocation, and whether a failed call to the store is made again.

Time decides, never a count of attempts. How long a count takes changes with the library (botocore 1.43 spread three
attempts over 1.8 s, 1.44 over 0.15 s), and what is wrong at the store (a failover, a split partition) lasts seconds. A
store may fail for `STORE_SECONDS` before a request is refused, and clients wait that long. No pause begins so late that
the answer would come after Lambda's time limit, or after the 29 s of API Gateway.
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
"""At this pause a function asks a store in trouble less often than it does in ordinary times."""

Left = Callable[[], float]
"""How many seconds are left for work."""


def unhurried() -> float:
    """For callers without a time limit."""
    return inf


class Patience:
    """The time that one execution environment has: it serves one invocation at a time."""

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
        """No further attempt is made."""
        return iter(())
