"""Token buckets by key: who asks too often is told when to ask again.

A refused request costs no token, so a client that retries for ever (MediaMTX's and VDO.Ninja's pages do) does not
extend its own ban (whip-whep.md item 21). Memory is bounded: full buckets are forgotten first, and a full table lets
newcomers in rather than out.
"""

import math
from collections import OrderedDict


class RateLimit:
    """At most *burst* at once and *per_second* on average, for each key."""

    def __init__(self, *, per_second: float, burst: int, max_keys: int = 10_000) -> None:
        self._per_second = per_second
        self._burst = burst
        self._max_keys = max_keys
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Key -> (tokens, when), least recently served first."""

    def __len__(self) -> int:
        return len(self._buckets)

    def wait(self, key: str, now: float) -> int:
        """Take one token of *key*: 0, or the whole seconds until there is one."""
        tokens, when = self._buckets.get(key, (float(self._burst), now))
        tokens = min(float(self._burst), tokens + max(0.0, now - when) * self._per_second)
        if tokens < 1:
            return max(1, math.ceil((1 - tokens) / self._per_second))
        self._buckets[key] = (tokens - 1, now)
        self._buckets.move_to_end(key)
        self._forget(now)
        return 0

    def _forget(self, now: float) -> None:
        full_after = self._burst / self._per_second
        while self._buckets:
            _, when = next(iter(self._buckets.values()))
            if len(self._buckets) <= self._max_keys and now - when < full_after:
                return
            self._buckets.popitem(last=False)
