"""Stream keys for people without an account: made on request, so many for each client address.

All keys of one address belong to one account, so their bytes count together against the anonymous quota: what metering,
blocks and commands do to an account, they do to the address. A publish and its metering cost nothing more for it.
"""

from collections.abc import Callable
from math import ceil

from functions.domain.addresses import client_of
from functions.domain.provision import CreatedKey, anonymous_account, anonymous_forgotten, create_anonymous
from functions.domain.stores import RegistryStore, TokenBuckets
from shared.keys import RandomBytes
from shared.rate import Rate
from shared.refusals import Refused, rate_limited


class AnonymousKeys:
    """Makes stream keys for people without an account, at *rate* for each client address."""

    def __init__(
        self,
        registry: RegistryStore,
        throttle: TokenBuckets,
        rate: Rate,
        clock: Callable[[], float],
        random: RandomBytes,
    ) -> None:
        self._rate = rate
        self._registry = registry
        self._throttle = throttle
        self._clock = clock
        self._random = random
        self._salt: str | None = None

    def new_key(self, address: str) -> CreatedKey | Refused:
        """A fresh anonymous key for the client at *address*; `RATE_LIMITED`, or `QUOTA_EXCEEDED` for what its keys have used."""
        now, client = self._clock(), client_of(address)
        wait = self._throttle.take(f"anonymous#{client}", self._rate, now)
        if wait > 0:
            return rate_limited(ceil(wait))
        if self._salt is None:
            self._salt = self._registry.salt(self._random(32).hex())
        made = anonymous_account(self._salt, client, now)
        account = self._registry.keep_anonymous(made, anonymous_forgotten(now))
        return account.over_quota(now) or create_anonymous(self._registry, account, random=self._random, now=now)
