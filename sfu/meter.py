"""Counts media bytes per account and month, for this boot: totals that only grow (design.md, rule 5).

The totals are the buffer: a report that was lost, refused or answered late is made good by the next one, whose numbers
include it. So nothing is queued, and memory grows with accounts served in this life of the process, not with time.
Neither sockets nor tasks here; the clock is an argument. `received` and `sent` run once a burst and do no more than add.

A total is kept while its month is the current one, even when it is reported: were it forgotten, the account's next
bytes would start again from nought, and the grow-only record would not see them.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from shared.messages import MAX_ENTRIES, UsageEntry
from shared.months import month_end, month_of

Clock = Callable[[], float]
"""Seconds since the epoch."""


class _Total:
    """One account's bytes in one month, and how much of them the queue is known to have."""

    __slots__ = ("received", "reported_received", "reported_sent", "sent")

    def __init__(self) -> None:
        self.received = 0
        self.sent = 0
        self.reported_received = 0
        self.reported_sent = 0

    @property
    def changed(self) -> bool:
        return self.received != self.reported_received or self.sent != self.reported_sent


class Meter:
    """The totals of one boot."""

    def __init__(self, clock: Clock) -> None:
        self._clock: Final = clock
        self._months: dict[str, dict[str, _Total]] = {}
        self._current: dict[str, _Total] = {}
        self._ends = -1.0
        """When the current month is over; in the past, so that the first burst opens one."""

    def received(self, account: str, size: int) -> None:
        """Count *size* bytes that a publisher of *account* sent us."""
        self._total(account).received += size

    def sent(self, account: str, size: int) -> None:
        """Count *size* bytes that we sent to a viewer of *account*'s streams."""
        self._total(account).sent += size

    def pending(self) -> Iterator[tuple[UsageEntry, ...]]:
        """What the queue does not know yet, in portions that each fit one message."""
        entries = [
            UsageEntry(account=account, month=month, received=total.received, sent=total.sent)
            for month, accounts in self._months.items()
            for account, total in accounts.items()
            if total.changed
        ]
        for start in range(0, len(entries), MAX_ENTRIES):
            yield tuple(entries[start : start + MAX_ENTRIES])

    def acknowledge(self, entries: Iterable[UsageEntry]) -> None:
        """The queue has *entries*: do not send them again unless they grow; forget past months that are complete."""
        for entry in entries:
            total = self._months.get(entry.month, {}).get(entry.account)
            if total is not None:
                total.reported_received = max(total.reported_received, entry.received)
                total.reported_sent = max(total.reported_sent, entry.sent)
        self._turn()
        for month, accounts in list(self._months.items()):
            if accounts is not self._current and not any(total.changed for total in accounts.values()):
                del self._months[month]

    def accounts(self) -> int:
        """How many totals are kept."""
        return sum(len(accounts) for accounts in self._months.values())

    def unreported(self) -> int:
        """Bytes that the queue does not know yet."""
        return sum(
            total.received - total.reported_received + total.sent - total.reported_sent
            for accounts in self._months.values()
            for total in accounts.values()
        )

    def _total(self, account: str) -> _Total:
        if self._clock() >= self._ends:
            self._turn()
        total = self._current.get(account)
        if total is None:
            total = self._current[account] = _Total()
        return total

    def _turn(self) -> None:
        """Open the month that it is now. A clock that is set back does not close one early: months end, they do not begin."""
        now = self._clock()
        if now >= self._ends:
            self._ends = month_end(now)
            self._current = self._months.setdefault(month_of(now), {})
