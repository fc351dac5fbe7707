"""What a key that publishes nothing is told: that it is invalid, so many times per client address, and then to wait.

Asked only once a key was not found, so a right key from the same address always works; and asked alike for keys that
never were and for revoked ones, so that neither the answer nor its time tells them apart. No account is touched.
"""

from collections.abc import Callable
from math import ceil

from functions.domain.addresses import client_of
from functions.domain.stores import StoreUnavailableError, TokenBuckets
from shared.rate import Rate
from shared.refusals import Refused, invalid_key, rate_limited


class InvalidKeyLimit:
    """Counts invalid keys by client."""

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
