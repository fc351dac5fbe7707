"""Billing months and gigabytes: the two units in which quotas are kept.

A month is the UTC calendar month of an instant, written `YYYY-MM`; 1 GB is 10^9 bytes, as the contract prices it.
"""

from datetime import UTC, datetime

GB = 1_000_000_000
"""Bytes in one gigabyte, decimal."""


def month_of(now: float) -> str:
    """The UTC month of *now* (seconds since the epoch), for example `2026-11`."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m")


def day_of(now: float) -> str:
    """The UTC day of *now* in its month, for example `24`."""
    return datetime.fromtimestamp(now, UTC).strftime("%d")


def month_end(now: float) -> float:
    """The first instant of the month after *now*'s, in seconds since the epoch: when a monthly quota opens again."""
    at = datetime.fromtimestamp(now, UTC)
    first = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (
        first.replace(year=first.year + 1, month=1) if first.month == 12 else first.replace(month=first.month + 1)
    )
    return following.timestamp()
