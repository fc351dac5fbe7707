"""The packets of one incoming RTP stream that did not come, and when each is asked for again (generic NACK, RFC 4585).

Bounded whatever arrives: at most MAX_MISSING numbers are remembered, and each is asked for at most TRIES times.
"""

from typing import Final

MAX_MISSING: Final = 500
TRIES: Final = 10
FIRST_AFTER: Final = 0.01
"""Seconds of patience with a reordered packet before the first NACK."""
AGAIN_AFTER: Final = 0.05
MAX_AGAIN_AFTER: Final = 0.3
"""Seconds between two NACKs for one packet, at the least and at the most; in between, a quarter more than answers took until
now, as they vary. Who asks again before the answer can be there gets it twice, through an uplink that loses packets already."""
GIVE_UP_AFTER: Final = 1.0
"""Seconds after which a packet is not asked for any more: a viewer would have no use for it."""


class MissingPackets:
    """The extended sequence numbers that an SSRC skipped and that are still waited for."""

    __slots__ = ("_answer_seconds", "_entries")

    def __init__(self) -> None:
        self._entries: dict[int, list[float]] = {}
        """Extended number -> [when it was missed, when it may be asked for, times asked, when it was asked for first]."""
        self._answer_seconds = 0.0
        """From the first NACK for a packet to the packet, smoothed; 0 before there was one."""

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, number: int) -> bool:
        return number in self._entries

    def add(self, first: int, end: int, now: float) -> None:
        """Wait for the numbers from *first* up to *end*, which is not one of them."""
        for number in range(first, end):
            self._entries[number] = [now, now + FIRST_AFTER, 0, 0.0]

    def has_room(self, count: int) -> bool:
        """Whether *count* numbers more can be waited for."""
        return len(self._entries) + count <= MAX_MISSING

    def clear(self) -> None:
        """Wait for none of them any more."""
        self._entries.clear()

    def arrived(self, number: int, now: float) -> bool:
        """Note that the packet *number* came; whether it was waited for."""
        entry = self._entries.pop(number, None)
        if entry is None:
            return False
        _missed_at, _due, asked, first_asked_at = entry
        if asked:
            self._answered(now - first_asked_at)
        return True

    def due(self, now: float) -> list[int]:
        """The sequence numbers (16 bits) to ask for now, in ascending order; counts them as asked for."""
        patience = min(max(AGAIN_AFTER, 1.25 * self._answer_seconds), MAX_AGAIN_AFTER)
        wanted: list[int] = []
        for number, (missed_at, due, asked, first_asked_at) in sorted(self._entries.items()):
            if now - missed_at > GIVE_UP_AFTER or asked >= TRIES:
                del self._entries[number]
            elif now >= due:
                self._entries[number] = [missed_at, now + patience, asked + 1, first_asked_at if asked else now]
                wanted.append(number & 0xFFFF)
        return wanted

    def _answered(self, seconds: float) -> None:
        # From the first NACK, also where there were more, as nobody knows which was answered (Karn's problem): too long where
        # the first was lost. Too short where the packet was only late: AGAIN_AFTER bounds that.
        known = self._answer_seconds
        self._answer_seconds = known + (seconds - known) / 8 if known else seconds
