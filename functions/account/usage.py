"""`GET /v1/account/usage`: a month's bytes by day and by stream, which both add up to the month's total exactly. Pure sums."""

import re
from collections.abc import Iterable, Mapping

from functions.account.models.usage import DayUsage, StreamUsage, UsageReply
from functions.domain.accounts import Account
from functions.domain.stores import KeyStore, UsageStore
from functions.domain.usage import Parts
from shared.months import month_of
from shared.refusals import Refused, invalid_request

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
"""A UTC month, for example 2026-11."""

Pair = tuple[int, int]
"""Bytes received and bytes sent."""


class UsageService:
    """Divides a month's bytes by day and by stream."""

    def __init__(self, ledger: UsageStore, registry: KeyStore) -> None:
        self._ledger = ledger
        self._registry = registry

    def month(self, account: Account, month: str | None, now: float) -> UsageReply | Refused:
        """The bytes of *account* in *month*, or in the present one."""
        if month is not None and not MONTH.fullmatch(month):
            return invalid_request('"month" must be a UTC month like 2026-11.', "month")
        month = month or month_of(now)
        shards = list(self._ledger.shards(account.id, month))
        total = _sum((shard.received, shard.sent) for shard in shards)
        days = _by([shard.days for shard in shards], total)
        streams = _by([shard.streams for shard in shards], total)
        largest = sorted(streams.items(), key=lambda entry: (entry[0] is None, -sum(entry[1]), entry[0] or ""))
        labels = self._registry.labels(account.id, (stream for stream, _ in largest if stream is not None))
        return UsageReply(
            month=month,
            quota_bytes=account.limits.bytes,
            **_bytes(total),
            days=[
                DayUsage(day=day and f"{month}-{day}", **_bytes(part))
                for day, part in sorted(days.items(), key=lambda entry: entry[0] or "99")
            ],
            streams=[
                StreamUsage(stream_id=stream, label=labels.get(stream or "", ""), **_bytes(part))
                for stream, part in largest
            ],
        )


def _by(divisions: Iterable[Parts], total: Pair) -> Mapping[str | None, Pair]:
    """The shards' *divisions* together; None for what they leave of *total*, where they leave something."""
    found: dict[str | None, Pair] = {}
    for division in divisions:
        for name, part in division.items():
            found[name] = _sum([found.get(name, (0, 0)), part])
    known = _sum(found.values())
    rest = (total[0] - known[0], total[1] - known[1])
    return {**found, None: rest} if rest != (0, 0) else found


def _sum(parts: Iterable[Pair]) -> Pair:
    received = sent = 0
    for part in parts:
        received, sent = received + part[0], sent + part[1]
    return received, sent


def _bytes(part: Pair) -> dict[str, int]:
    return {"bytes": sum(part), "received": part[0], "sent": part[1]}
