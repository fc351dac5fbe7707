"""Token buckets: how often somebody may ask. A bucket is one number, the time at which it is full again (GCRA). Pure.

A refused request takes no token, so asking again never makes the wait longer: pages of MediaMTX and VDO.Ninja retry for ever,
and get in when one that waits would have.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Self

MAX_KEYS: Final = 10_000
"""Buckets that a process remembers: about a megabyte."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How much a bucket holds and how fast it fills: *burst* at once, and one more every *seconds*."""

    burst: int
    seconds: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """The rate that a setting spells: `10/60` is ten at once and one more every 60 s. Raises ValueError for anything else."""
        burst, _, seconds = text.partition("/")
        rate = cls(int(burst), float(seconds))
        if rate.burst < 1 or not 0 < rate.seconds < float("inf"):
            raise ValueError(f"not a rate: {text}")
        return rate

    def latest(self, now: float) -> float:
        """The latest time by which a bucket may be full again and still hold a token at *now*."""
        return now + (self.burst - 1) * self.seconds

    def wait(self, full_at: float, now: float) -> float:
        """In how many seconds a bucket that is full again at *full_at* holds a token: 0 when it holds one *now*."""
        return max(0.0, full_at - self.latest(now))

    def after_one(self, full_at: float, now: float) -> float:
        """When the bucket is full again, once a token was taken from it *now*."""
        return max(full_at, now) + self.seconds


class RateLimit:
    """Buckets of one rate by key, in this process's memory; each process counts for itself.

    Memory is bounded: full buckets are forgotten first, and a full table forgets the bucket that was used longest ago, which
    lets its owner in rather than keep a newcomer out.
    """

    def __init__(self, rate: Rate, *, max_keys: int = MAX_KEYS) -> None:
        self._rate = rate
        self._max_keys = max_keys
        self._full_at: OrderedDict[str, float] = OrderedDict()
        """By key, the one that took a token longest ago first."""

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str, now: float) -> float:
        """Take one token of *key*: 0 when there was one, else in how many seconds there will be. *now* in seconds."""
        full_at = self._full_at.get(key, 0.0)
        wait = self._rate.wait(full_at, now)
        if wait > 0:
            return wait
        self._full_at[key] = self._rate.after_one(full_at, now)
        self._full_at.move_to_end(key)
        self._forget(now)
        return 0.0

    def _forget(self, now: float) -> None:
        while self._full_at and (len(self._full_at) > self._max_keys or next(iter(self._full_at.values())) <= now):
            self._full_at.popitem(last=False)
