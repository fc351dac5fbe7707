"""The limit of attempts with invalid keys: so many per client address, and then the client has to wait.

It counts only keys that were not found, so a valid key from the same address always works. It treats keys that never were
and revoked ones alike, so that neither the answer nor its time tells them apart. It reads and writes no account.
"""

from collections.abc import Callable
from math import ceil

from functions.domain.addresses import client_of
from functions.domain.stores import StoreUnavailableError, TokenBuckets
from shared.rate import Rate
from shared.refusals import Refused, invalid_key, rate_limited


class InvalidKeyLimit:
    """Counts attempts with invalid keys by client address."""

    def __init__(self, throttle: TokenBuckets, rate: Rate, clock: Callable[[], float]) -> None:
        self._throttle = throttle
        self._rate = rate
        self._clock = clock

    def refusal(self, address: str) -> Refused:
        """`INVALID_KEY`, or `RATE_LIMITED` once the client at *address* has tried too many."""
        try:
            wait = self._throttle.take(f"invalid#{client_of(address)}", self._rate, self._clock())
        except StoreUnavailableError:
            return invalid_key()
        return rate_limited(ceil(wait)) if wait > 0 else invalid_key()
