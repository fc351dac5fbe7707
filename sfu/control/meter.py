"""Counts media bytes per account and month, for this boot: totals that only grow (design.md, rule 5); by day and stream.

The totals are the buffer: a report that was lost, refused or answered late is made good by the next one, whose numbers
include it. So nothing is queued, and memory grows with accounts served in this life of the process, not with time.
Neither sockets nor tasks here; the clock is an argument. `received` and `sent` run once a burst and do no more than add.

A total is kept while its month is the current one, even when it is reported: were it forgotten, the account's next
bytes would start again from nought, and the grow-only record would not see them.

A day's bytes are what a total grew by between two midnights (UTC), so counting costs nothing for them. Streams are told
apart up to `MAX_STREAMS` an account and month; the bytes of more are in the total alone.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from shared.messages import MAX_ENTRIES, MAX_STREAMS, UsageEntry
from shared.months import day_of, month_of

Clock = Callable[[], float]
"""Seconds since the epoch."""


DAY_SECONDS: Final = 86400
MESSAGE_BYTES: Final = 200_000
"""Of entries in one message; the queue takes 1 MiB, and ten such messages are one invocation of its consumer, which takes 6 MB."""
ENTRY_BYTES, DAY_BYTES, STREAM_BYTES = 200, 45, 110
"""JSON of each at its longest."""


class CountsBytes(Protocol):
    """Counts media bytes for whoever pays for them; sizes are bytes of UDP payload."""

    def received(self, account: str, size: int, stream: str) -> None:
        """Count *size* bytes that came from the publisher of *account*'s *stream*."""

    def sent(self, account: str, size: int, stream: str) -> None:
        """Count *size* bytes that went to viewers of *account*'s *stream*."""


class _Total:
    """One account's bytes in one month, and how much of them the queue is known to have."""

    __slots__ = ("closed", "days", "received", "reported_received", "reported_sent", "sent", "streams")

    def __init__(self) -> None:
        self.received = 0
        self.sent = 0
        self.reported_received = 0
        self.reported_sent = 0
        self.days: dict[str, tuple[int, int]] = {}
        """Days that are over."""
        self.closed = (0, 0)
        """Their sum."""
        self.streams: dict[str, list[int]] = {}

    def part(self, stream: str) -> list[int] | None:
        """Where the bytes of *stream* are counted as well; None where there are too many streams."""
        part = self.streams.get(stream)
        if part is None and stream and len(self.streams) < MAX_STREAMS:
            part = self.streams[stream] = [0, 0]
        return part

    def by_day(self, today: str) -> dict[str, tuple[int, int]]:
        """The days' bytes, which add up to the total."""
        received, sent = self.received - self.closed[0], self.sent - self.closed[1]
        if not received and not sent:
            return self.days
        # A clock that was set back closes a day twice.
        before = self.days.get(today, (0, 0))
        return {**self.days, today: (before[0] + received, before[1] + sent)}

    def close(self, day: str) -> None:
        """Note that *day* is over: its bytes change no more."""
        self.days = self.by_day(day)
        self.closed = (self.received, self.sent)

    @property
    def changed(self) -> bool:
        return self.received != self.reported_received or self.sent != self.reported_sent


class Meter:
    """The media bytes of each account and month since this process began."""

    def __init__(self, clock: Clock) -> None:
        self._clock: Final = clock
        self._months: dict[str, dict[str, _Total]] = {}
        self._current: dict[str, _Total] = {}
        self._today = ""
        self._ends = -1.0
        """When the current day is over; in the past, so that the first burst opens one."""

    def received(self, account: str, size: int, stream: str) -> None:
        """Count *size* bytes that the publisher of *account*'s *stream* sent us."""
        total = self._total(account)
        total.received += size
        part = total.part(stream)
        if part is not None:
            part[0] += size

    def sent(self, account: str, size: int, stream: str) -> None:
        """Count *size* bytes that we sent to viewers of *account*'s *stream*."""
        total = self._total(account)
        total.sent += size
        part = total.part(stream)
        if part is not None:
            part[1] += size

    def pending(self) -> Iterator[tuple[UsageEntry, ...]]:
        """What the queue does not know yet, in portions that each fit one message."""
        portion: list[UsageEntry] = []
        size = 0
        for month, accounts in list(self._months.items()):
            for account, total in list(accounts.items()):
                if not total.changed:
                    continue
                entry = UsageEntry(
                    account=account,
                    month=month,
                    received=total.received,
                    sent=total.sent,
                    days=total.by_day(self._today),
                    streams={stream: (part[0], part[1]) for stream, part in total.streams.items()},
                )
                weight = ENTRY_BYTES + DAY_BYTES * len(entry.days) + STREAM_BYTES * len(entry.streams)
                if portion and (len(portion) == MAX_ENTRIES or size + weight > MESSAGE_BYTES):
                    yield tuple(portion)
                    portion, size = [], 0
                portion.append(entry)
                size += weight
        if portion:
            yield tuple(portion)

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
        """How many totals of an account and month are kept."""
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
        """Begin today and its month, where the day before is over. A clock that is set back closes neither."""
        now = self._clock()
        if now >= self._ends:
            for total in self._current.values():
                total.close(self._today)
            self._ends = (now // DAY_SECONDS + 1) * DAY_SECONDS
            self._today = day_of(now)
            self._current = self._months.setdefault(month_of(now), {})
