"""Stream keys for visitors without an account: made on request, so many per client address."""

from collections.abc import Callable
from math import ceil

from functions.addresses import client_of
from functions.bucket import Rate
from functions.provision import NewKey, create_anonymous
from functions.storage.registry import Registry
from functions.storage.throttle import Throttle
from shared.keys import RandomBytes
from shared.refusals import Refused, rate_limited


class Visitors:
    """Makes anonymous keys."""

    def __init__(
        self, registry: Registry, throttle: Throttle, rate: Rate, clock: Callable[[], float], random: RandomBytes
    ) -> None:
        self._rate = rate
        self._registry = registry
        self._throttle = throttle
        self._clock = clock
        self._random = random

    def new_key(self, address: str) -> NewKey | Refused:
        """A fresh anonymous key for the client at *address*, or `RATE_LIMITED`."""
        now = self._clock()
        wait = self._throttle.take(f"anonymous#{client_of(address)}", self._rate, now)
        if wait > 0:
            return rate_limited(ceil(wait))
        return create_anonymous(self._registry, random=self._random, now=now)
