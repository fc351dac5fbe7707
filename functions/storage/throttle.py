"""A token bucket per client and purpose, as one number in one item: the time at which the bucket is full again (GCRA).

One write a request that passes; the table drops idle buckets by TTL, which is garbage collection only.
"""

from dataclasses import dataclass

from functions.storage.dynamo import Dynamo, Unmet, Update


@dataclass(frozen=True, slots=True)
class Rate:
    """*burst* at once, and one more every *seconds*."""

    burst: int
    seconds: float


class Throttle:
    """Buckets in the fleet's table."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def take(self, bucket: str, rate: Rate, now: float) -> float:
        """Take one token from *bucket*: 0 when there was one, else in how many seconds there will be."""
        key = {"pk": f"BUCKET#{bucket}"}
        seen: float | None = None
        for _ in range(4):
            full_at = max(now, seen or 0) + rate.seconds
            wait = full_at - now - rate.burst * rate.seconds
            if wait > 0:
                return wait
            outcome = self._dynamo.update(
                Update(
                    self._table,
                    key,
                    "SET #full = :full, #ttl = :ttl",
                    # Idle or unknown buckets first, without a read; a used one is compared with what was seen of it.
                    "attribute_not_exists(pk) OR #full <= :now" if seen is None else "#full = :seen",
                    {"#full": "full", "#ttl": "ttl"},
                    {
                        ":full": full_at,
                        ":ttl": int(full_at) + 60,
                        **({":now": now} if seen is None else {":seen": seen}),
                    },
                )
            )
            if not isinstance(outcome, Unmet):
                return 0
            seen = outcome.item["full"] if outcome.item else 0.0
        # Others of the same address were faster four times in a row: it is that busy.
        return rate.seconds
