"""How often one client may ask, kept in this process's memory: no call, no store, nothing that outlives the process.

For requests that cost little and need no exact count. Every process counts for itself, so that a client gets at most the
rate times the number of processes; what is forgotten only lets more through.
"""

from functions.domain.addresses import client_of
from functions.domain.rate import Rate

MAX_CLIENTS = 10_000
"""Clients that are remembered: a megabyte."""


class Turnstile:
    """Token buckets by client address, an IPv6 client by its /64 (`functions.domain.addresses.client_of`)."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._full_at: dict[str, float] = {}
        """By client, and only of buckets that are not full; see `functions.domain.rate`."""

    def take(self, address: str, now: float) -> float:
        """Let the client at *address* through: 0, or in how many seconds it may come. *now* in seconds since the epoch."""
        client = client_of(address)
        full_at = self._full_at.get(client, 0.0)
        wait = self._rate.wait(full_at, now)
        if wait > 0:
            return wait
        if len(self._full_at) >= MAX_CLIENTS and client not in self._full_at:
            self._forget(now)
        self._full_at[client] = max(full_at, now) + self._rate.seconds
        return 0

    def _forget(self, now: float) -> None:
        """Full buckets first; where so many are not, all of them, rather than look through them at each request."""
        self._full_at = {client: full_at for client, full_at in self._full_at.items() if full_at > now}
        if len(self._full_at) > MAX_CLIENTS // 2:
            self._full_at.clear()
