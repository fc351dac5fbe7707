"""A rate limit per client in this process's memory: it makes no call, and nothing of it outlives the process.

It is for requests that cost little and need no exact count. Every process counts for itself, so a client gets at most the
rate times the number of processes. What is forgotten only lets more through.
"""

from functions.domain.addresses import client_of
from shared.rate import MAX_KEYS, Rate, RateLimit

MAX_CLIENTS = MAX_KEYS
"""Clients that are remembered: a megabyte."""


class ClientRateLimit:
    """Token buckets by client address, an IPv6 client by its /64 (`functions.domain.addresses.client_of`)."""

    def __init__(self, rate: Rate) -> None:
        self._limit = RateLimit(rate, max_keys=MAX_CLIENTS)

    def __len__(self) -> int:
        return len(self._limit)

    def take(self, address: str, now: float) -> float:
        """Let the client at *address* through: 0, or in how many seconds it may come. *now* in seconds since the epoch."""
        return self._limit.take(client_of(address), now)
