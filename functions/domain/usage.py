"""Counted media bytes, as one node reports them for one account and month. Values only.

`functions.storage.usage` keeps them; the sum over nodes and their lives is what an account used.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

Parts = Mapping[str, tuple[int, int]]
"""Received and sent bytes by day or by stream."""


@dataclass(frozen=True, slots=True)
class UsageTotal:
    """What one boot of one node has counted for one account in one month."""

    account: str
    month: str
    node: str
    boot: str
    received: int
    sent: int
    days: Parts = field(default_factory=dict)
    """By day of the month."""
    streams: Parts = field(default_factory=dict)
