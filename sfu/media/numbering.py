"""One unbroken numbering for viewers, whatever the publisher does: restarts, takeovers, new SSRCs, padding.

Each packet of the source gets an index (a sequence number without end) and a timestamp by a constant offset. A new source begins
at last + 1, and its timestamps where the clock has got to. The offset for older packets is kept, so that a late or repeated packet
gets the number that it would have had: nothing is ever renumbered.

It takes the extended numbers of `sfu.media.incoming_rtp_stream`, which alone decides where a source begins anew.
"""

from typing import Final

from sfu.media.incoming_rtp_stream import MAX_JUMP

_SEGMENTS: Final = 64
"""Offsets that are kept for late packets."""
ROOM: Final = 100
"""Numbers below the very first packet, which nobody has seen yet: it may have overtaken others of its picture."""


class Numbering:
    """Maps the numbers and timestamps of a track's sources to those that its viewers get.

    The very first packet gets *first_index* and *first_timestamp*; *clock_rate* is that of the RTP timestamps, a second.
    """

    __slots__ = (
        "_fresh",
        "_highest",
        "_last_at",
        "_reserved",
        "_segments",
        "_ts_offset",
        "clock_rate",
        "last",
        "last_ts",
    )

    def __init__(self, *, first_index: int, first_timestamp: int, clock_rate: int) -> None:
        self.clock_rate = clock_rate
        self._segments: list[tuple[int, int]] = []
        """(first extended sequence, offset), ascending; the last one is current."""
        self._highest = 0
        self._ts_offset = 0
        self._fresh = True
        self._reserved = 0
        self._last_at: float | None = None
        self.last = first_index - 1
        """The highest index that was given."""
        self.last_ts = first_timestamp

    def new_source(self, clock_rate: int | None = None) -> None:
        """Go on with the next packet, whatever its numbers: it is of another source, or of the same after a restart."""
        self._fresh = True
        if clock_rate is not None:
            self.clock_rate = clock_rate

    @property
    def fresh(self) -> bool:
        """Whether the next packet is the first of a source."""
        return self._fresh

    def reserve(self, count: int) -> None:
        """Leave *count* numbers free before the next packet, where it is a source's first, for what is put before it."""
        self._reserved = count

    @property
    def ts_offset(self) -> int:
        """What is added to the source's timestamps now."""
        return self._ts_offset

    def map(self, extended: int, timestamp: int, now: float) -> tuple[int, int] | None:
        """(index, timestamp) that viewers get for the packet *extended*; None where it is of before the beginning."""
        if self._fresh or extended - self._highest > MAX_JUMP:
            # A leap is no loss here either: what is left unsent of a source adds up where each packet is near the one before.
            self._begin(extended, timestamp, now)
        elif extended > self._highest:
            self._highest = extended
        out_ts = (timestamp + self._ts_offset) & 0xFFFFFFFF
        for first, offset in reversed(self._segments):
            if extended >= first:
                index = extended + offset
                if index > self.last:
                    self.last = index
                    self.last_ts = out_ts
                    self._last_at = now
                return index, out_ts
        return None

    def skip(self, extended: int, now: float) -> bool:
        """Give a packet that carries nothing no number; False where later packets have their numbers already."""
        if self._fresh:
            return True
        if not 0 < extended - self._highest <= MAX_JUMP:
            return False
        self._highest = extended
        self._last_at = now
        first, offset = self._segments[-1]
        if first == extended:
            # Right behind another such packet: one run of them takes one place, so that late packets of before are known.
            del self._segments[-1]
        self._open(extended + 1, offset - 1)
        # What is left unsent before it adds up over several; beyond a leap, what follows is a new beginning here, too.
        self._fresh = extended + 1 + self._segments[-1][1] - self.last > MAX_JUMP
        return True

    def _begin(self, extended: int, timestamp: int, now: float) -> None:
        self._fresh = False
        self._highest = extended
        self._segments.clear()
        room = min(ROOM, self.last + 1) if self._last_at is None else 0
        self._open(extended - room, self.last + 1 + self._reserved - extended)
        self._reserved = 0
        elapsed = 0.0 if self._last_at is None else max(now - self._last_at, 0.001)
        self._ts_offset = (self.last_ts + round(elapsed * self.clock_rate) - timestamp) & 0xFFFFFFFF

    def _open(self, first: int, offset: int) -> None:
        self._segments.append((first, offset))
        if len(self._segments) > _SEGMENTS:
            del self._segments[0]
