"""One RTP stream (SSRC) as it arrives from a publisher: its numbering, losses and jitter (RFC 3550, A.1, A.3, A.8).

This class alone decides what a sequence number means: the next packet, a late one, one that came already, or one of a source
that began anew. A number that fits nowhere is doubted until a second one near it says the same; a single one does nothing.
Numbers are extended to count on over wraps and new beginnings, so that nobody behind it has to decide that again.

Each packet counts once, when it comes for the first time. Browsers repeat old packets on purpose, to find out how much their
uplink carries; if those counted, they would hide packets that are really lost.

The file is long because one method is the hot path of every packet that comes in, and the rest of the class is its rare branches
on the same few numbers; what is asked for again has a module of its own (`sfu.media.feedback.missing_packets`).
"""

from typing import Final

from sfu.media.feedback.missing_packets import MissingPackets
from sfu.wire.ntp import compact, from_ntp
from sfu.wire.rtcp import Block
from sfu.wire.rtp import extend

MAX_JUMP: Final = 3000
"""A greater leap of the sequence is a new beginning, not a loss (RFC 3550, A.1 MAX_DROPOUT)."""
MAX_MISORDER: Final = 1000
WINDOW: Final = 2048
"""For so many numbers below the highest it is known whether they came; a power of two above MAX_MISORDER."""
LEAP: Final = 10.0
"""Seconds. Timestamps that leap farther against the clock belong to a new beginning, whatever the sequence says; a publisher
that is silent for as long has lost its session."""
NEAR: Final = 128
"""Two doubted numbers that are no farther apart confirm each other: the packets between may be lost or late."""
DOUBT_SECONDS: Final = 3.0
"""For so long a doubted packet waits for a second one: a picture that stands still comes once a second."""
STRAGGLE_SECONDS: Final = 2.0
"""After a new beginning: for so long late packets of before it are taken for what they are."""
GENERATION: Final = 0x20000
"""A new beginning counts on from the second multiple of 2^16 above the highest number: far beyond any loss."""


class IncomingRtpStream:
    """What is known of one SSRC of a publisher, for receiver reports, for NACKs, and for forwarding it in order."""

    __slots__ = (
        "_base",
        "_came",
        "_doubt",
        "_doubt_at",
        "_doubt_transit",
        "_expected_before",
        "_highest",
        "_jitter",
        "_least",
        "_left",
        "_left_at",
        "_limit",
        "_missing",
        "_past",
        "_received_before",
        "_timestamp",
        "_transit",
        "_zero",
        "at",
        "bytes",
        "clock_rate",
        "earliest",
        "fraction",
        "frames",
        "lost",
        "missed",
        "nameless",
        "received",
        "reference",
        "report_at",
        "report_ntp",
        "restarted",
        "ssrc",
        "torn",
    )

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.clock_rate = clock_rate
        self.received = 0
        """Packets, each once."""
        self.bytes = 0
        """Bytes of media: each packet once, padding not at all."""
        self.frames = 0
        """Different timestamps, as far as they came in order."""
        self.at = float("-inf")
        """When a packet with media, which was no repetition, came last."""
        self.lost = 0
        """Packets that never came, since the beginning, as of the last report block; never negative."""
        self.missed = 0
        """Packets lost in the last report interval; negative where more late ones came than were lost."""
        self.fraction = 0.0
        """Share lost in the last report interval."""
        self.torn = False
        """The last loss was too great to be repaired: a keyframe is needed. Whoever asks for it takes the mark off."""
        self.restarted = False
        """The packet in hand confirmed a new beginning. Whoever acts on it takes the mark off."""
        self.nameless = 0
        """In so many more packets the name of its layer (RID) is looked for."""
        self.earliest: tuple[float, int] | None = None
        """(arrival, RTP timestamp) of the packet that was the least delayed since this was taken away last."""
        self.reference: tuple[float, int] | None = None
        """(sender's wall clock, RTP timestamp) of the last plausible sender report."""
        self.report_at, self.report_ntp = 0.0, 0
        self._base: int | None = None
        self._zero = 0
        """Where the cycles of this beginning count from."""
        self._highest = 0
        self._came = bytearray(b"\1") * WINDOW
        """By number modulo WINDOW: whether it came."""
        self._past = 0
        """Packets that were expected before the last new beginning."""
        self._doubt: int | None = None
        """The highest doubted number."""
        self._doubt_at = self._doubt_transit = 0.0
        self._left, self._left_at = 0, float("-inf")
        """The highest number of before the last new beginning, and when that was."""
        self._jitter = 0.0
        self._timestamp = -1
        self._transit = float("inf")
        """Arrival less timestamp of the newest packet, in units of the clock rate; infinite before there is one."""
        self._limit = LEAP * clock_rate
        self._least = float("inf")
        self._expected_before = self._received_before = 0
        self._missing = MissingPackets()

    def packet(  # noqa: C901 - the hot path: each branch is a comparison, calls would cost more than they explain
        self, sequence: int, timestamp: int, size: int, now: float, *, repaired: bool = False
    ) -> int | None:
        """Count a packet with *size* bytes of media; returns its extended number, or None for one that is of no use.

        A number that is doubted is returned as its complement (-1 - number): keep the packet until `restarted` is set. Of no
        use is what came already, what repairs nothing, and what is older than anything that can be placed.
        """
        highest = self._highest
        extended = highest + ((sequence - highest + 0x8000) & 0xFFFF) - 0x8000  # rtp.extend, called for each packet
        ahead = extended - highest
        transit = now * self.clock_rate - timestamp
        if ahead > MAX_JUMP or ahead < -MAX_MISORDER or not -self._limit < transit - self._transit < self._limit:
            if repaired:
                return None
            if self._base is None:
                ahead = 1
                self._base = extended = sequence + GENERATION
                self._zero = GENERATION
            elif ahead > MAX_JUMP or ahead < -MAX_MISORDER or _leap(transit, self._transit) > self._limit:
                return self._doubted(sequence, timestamp, size, now)
            self._transit = transit  # the first one; or the timestamp wrapped
        if ahead > 0:
            if repaired:
                return None  # a probe that overtook what it repeats
            self._highest = extended
            if ahead > 1:
                self._skipped(extended, ahead, now)
            self.frames += timestamp != self._timestamp
            self._timestamp = timestamp
            if transit < self._least:
                self._least = transit
                self.earliest = (now, timestamp)
            self._jitter += (abs(transit - self._transit) - self._jitter) / 16
            self._transit = transit
        elif not repaired and 0x80000000 > (timestamp - self._timestamp) & 0xFFFFFFFF > self.clock_rate >> 1:
            return self._doubted(sequence, timestamp, size, now)  # numbered as a late packet, and newer than all
        elif not self._late(extended, now):
            return None
        self._came[extended & (WINDOW - 1)] = 1
        self.received += 1
        if size:
            self.bytes += size
            self.at = now
        return extended

    def _late(self, extended: int, now: float) -> bool:
        """Whether a packet that is not ahead of all comes for the first time."""
        if self._missing.arrived(extended, now):
            return True
        base = self._base
        if base is None or extended >= base:
            return not self._came[extended & (WINDOW - 1)]
        if base - extended > NEAR or not self._missing.has_room(NEAR):
            return False
        # The first packets came out of order: the beginning is earlier than it seemed.
        self._base = extended
        for number in range(extended + 1, base):
            self._came[number & (WINDOW - 1)] = 0
        self._missing.add(extended + 1, base, now)
        return True

    def _skipped(self, extended: int, ahead: int, now: float) -> None:
        """Note that the *ahead* - 1 numbers before *extended* did not come."""
        came = self._came
        for number in range(extended - min(ahead, WINDOW) + 1, extended):
            came[number & (WINDOW - 1)] = 0
        if not self._missing.has_room(ahead - 1):
            self._missing.clear()
            self.torn = True
            return
        self._missing.add(extended - ahead + 1, extended, now)

    def _doubted(self, sequence: int, timestamp: int, size: int, now: float) -> int | None:
        """Judge a packet that fits neither as the next nor as a late one: a new beginning, once a second one near it says so."""
        if now - self._left_at < STRAGGLE_SECONDS and 0 <= self._left - extend(sequence, self._left) <= MAX_MISORDER:
            return None
        transit = now * self.clock_rate - timestamp
        doubt = self._doubt
        if (
            doubt is None
            or now - self._doubt_at > DOUBT_SECONDS
            or abs(extend(sequence, doubt) - doubt) > NEAR
            or _leap(transit, self._doubt_transit) > self._limit
        ):
            self._doubt = doubt = (self._highest & ~0xFFFF) + GENERATION + sequence
            self._doubt_at, self._doubt_transit = now, transit
            return ~doubt
        number = extend(sequence, doubt)
        if number == doubt:
            return None
        self._restart(min(number, doubt), max(number, doubt), timestamp, now)
        if size:
            self.bytes += size
            self.at = now
        return ~number

    def _restart(self, first: int, last: int, timestamp: int, now: float) -> None:
        self._past = self.expected
        self._left, self._left_at = self._highest, now
        self._doubt = None
        self._base, self._zero, self._highest = first, first & ~0xFFFF, last
        self._missing.clear()
        self._came[:] = b"\1" * WINDOW
        self.received += 2
        self._timestamp = timestamp
        self._transit = now * self.clock_rate - timestamp
        self._least, self.earliest = float("inf"), None
        self.reference = None
        if last - first > 1:
            self._skipped(last, last - first, now)
        self.torn = False
        self.restarted = True

    def wanted(self, now: float) -> list[int]:
        """The sequence numbers to ask for now, in ascending order; counts them as asked for."""
        return self._missing.due(now)

    @property
    def missing(self) -> int:
        """How many packets are waited for."""
        return len(self._missing)

    def misses(self, sequence: int) -> bool:
        """Whether the packet with this sequence number is waited for."""
        return extend(sequence, self._highest) in self._missing

    def sender_report(self, ntp: int, timestamp: int, packets: int, now: float) -> bool:
        """Take a sender report, unless it is implausible: OBS begins with one of count 0 and timestamp 0xFFFFFFFF."""
        if packets == 0 or timestamp == 0xFFFFFFFF or ntp >> 32 == 0:
            return False
        self.report_ntp = compact(ntp)
        self.report_at = now
        self.reference = (from_ntp(ntp), timestamp)
        return True

    @property
    def expected(self) -> int:
        """How many packets were sent so far, by their numbers."""
        return self._past if self._base is None else self._past + self._highest - self._base + 1

    def block(self, now: float) -> Block:
        """The report block for a receiver report of now; begins the next report interval."""
        expected = self.expected
        self.lost = expected - self.received
        in_interval = expected - self._expected_before
        self.missed = in_interval - (self.received - self._received_before)
        self._expected_before, self._received_before = expected, self.received
        self.fraction = self.missed / in_interval if in_interval > 0 and self.missed > 0 else 0.0
        delay = min(int((now - self.report_at) * 65536), 0xFFFFFFFF) if self.report_ntp else 0
        return (
            self.ssrc,
            min(int(self.fraction * 256), 255),
            min(self.lost, 0x7FFFFF),
            self._highest - self._zero if self._base is not None else 0,
            int(self._jitter),
            self.report_ntp,
            delay,
        )

    def take_torn(self) -> bool:
        """Whether more was lost since this was asked last than can be repaired."""
        torn, self.torn = self.torn, False
        return torn

    def take_earliest(self) -> tuple[float, int] | None:
        """(arrival, RTP timestamp) of the least delayed packet since the last call; None where none came."""
        earliest, self.earliest, self._least = self.earliest, None, float("inf")
        return earliest


def _leap(transit: float, before: float) -> float:
    """By how much two transit times differ, over a wrap of the timestamp."""
    return abs((transit - before + 0x80000000) % 0x100000000 - 0x80000000)
