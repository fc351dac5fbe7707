"""Token buckets per client and purpose in the fleet's table: one conditional update takes a token.

An empty bucket is remembered here, and its client is refused without a call until it has a token again. What is stored only
grows, so the memory never refuses too much. The table drops idle buckets by TTL, only to free the space.
"""

from functions.storage.dynamo import Dynamo, Unmet, Update
from shared.rate import Rate

MAX_REMEMBERED = 1000

IDLE = "attribute_not_exists(pk) OR #full <= :now"
BUSY = "#full > :now AND #full <= :latest"


class Throttle:
    """Takes tokens from buckets. It remembers when the buckets that it used are full again, and nothing else."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table
        self._full_at: dict[str, float] = {}

    def take(self, bucket: str, rate: Rate, now: float) -> float:
        """Take one token from *bucket*: 0 when there was one, else in how many seconds there will be."""
        seen = self._full_at.get(bucket, 0.0)
        # Idle or busy as it was last seen; the other where that was wrong.
        for _ in range(4):
            wait = rate.wait(seen, now)
            if wait > 0:
                return wait
            outcome = self._dynamo.update(self._taking(bucket, rate, now, idle=seen <= now))
            if not isinstance(outcome, Unmet):
                self._remember(bucket, outcome.item["full"])
                return 0
            seen = outcome.item["full"] if outcome.item else 0.0
            self._remember(bucket, seen)
        # Other requests of the same address were faster four times in a row.
        return rate.seconds

    def _taking(self, bucket: str, rate: Rate, now: float, *, idle: bool) -> Update:
        base = {":now": now, ":seconds": rate.seconds, ":ttl": int(rate.latest(now) + rate.seconds) + 60}
        names = {"#full": "full", "#ttl": "ttl"}
        where = {"pk": f"BUCKET#{bucket}"}
        if idle:
            update = "SET #full = :now + :seconds, #ttl = :ttl"
            return Update(self._table, where, update, IDLE, names, base, "ALL_NEW")
        update = "SET #full = #full + :seconds, #ttl = :ttl"
        return Update(self._table, where, update, BUSY, names, {**base, ":latest": rate.latest(now)}, "ALL_NEW")

    def _remember(self, bucket: str, full_at: float) -> None:
        if len(self._full_at) >= MAX_REMEMBERED:
            self._full_at.clear()
        self._full_at[bucket] = full_at
