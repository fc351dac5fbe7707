"""What one SSRC of a publisher delivered: losses, jitter, what to ask again, and its clock (RFC 3550, A.1, A.3, A.8).

Pure. Bounded whatever arrives: at most MAX_MISSING sequence numbers are remembered, each is asked for at most TRIES times.
"""

from typing import Final

from sfu.clock import compact, from_ntp
from sfu.continuity import MAX_JUMP, MAX_MISORDER
from sfu.rtcp import Block
from sfu.rtp import extend

MAX_MISSING: Final = 500
TRIES: Final = 10
FIRST_AFTER: Final = 0.01
"""Seconds of patience with a reordered packet before the first NACK."""
AGAIN_AFTER: Final = 0.05
MAX_AGAIN_AFTER: Final = 0.3
"""Seconds between two NACKs for one packet, at the least and at the most; in between, a quarter more than answers took until
now, as they vary. Who asks again before the answer can be there gets it twice, through an uplink that loses packets already."""
GIVE_UP_AFTER: Final = 1.0


class Reception:
    """The receiver side of one SSRC."""

    __slots__ = (
        "_answer_seconds",
        "_base",
        "_expected_before",
        "_highest",
        "_jitter",
        "_missing",
        "_received_before",
        "_strange",
        "_transit",
        "bytes",
        "clock_rate",
        "fraction",
        "lost",
        "received",
        "reference",
        "report_at",
        "report_ntp",
        "ssrc",
    )

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.clock_rate = clock_rate
        self.received = 0
        self.bytes = 0
        self.lost = 0
        self.fraction = 0.0
        """Share lost in the last report interval."""
        self.reference: tuple[float, int] | None = None
        """(sender's wall clock, RTP timestamp) of the last plausible sender report."""
        self.report_at = 0.0
        self.report_ntp = 0
        self._base: int | None = None
        self._highest = 0
        self._strange = -1
        self._jitter = 0.0
        self._answer_seconds = 0.0
        """From the first NACK for a packet to the packet, smoothed; 0 before there was one."""
        self._transit: float | None = None
        self._expected_before = 0
        self._received_before = 0
        self._missing: dict[int, list[float]] = {}
        """Extended sequence -> [when it was missed, when it may be asked for, times asked, when it was asked for first]."""

    def packet(self, sequence: int, timestamp: int, size: int, now: float, *, repaired: bool = False) -> bool:
        """Count one packet; False where the loss before it was too great to be repaired (ask for a keyframe)."""
        self.received += 1
        self.bytes += size
        if self._base is None:
            self._base = self._highest = sequence + 0x10000
            return True
        extended = extend(sequence, self._highest)
        ahead = extended - self._highest
        if ahead > MAX_JUMP or ahead < -MAX_MISORDER:
            if self._strange != sequence:
                self._strange = (sequence + 1) & 0xFFFF
                return True
            self._restart(sequence)
            return False
        if ahead <= 0 or repaired:
            entry = self._missing.pop(extended, None)
            if entry is not None and entry[2]:
                self._answered(now - entry[3])
            return True
        self._highest = extended
        if not repaired:
            self._measure(timestamp, now)
        if ahead == 1:
            return True
        if len(self._missing) + ahead - 1 > MAX_MISSING:
            self._missing.clear()
            return False
        for number in range(extended - ahead + 1, extended):
            self._missing[number] = [now, now + FIRST_AFTER, 0, 0.0]
        return True

    def wanted(self, now: float) -> list[int]:
        """Sequence numbers to ask for now, ascending."""
        patience = min(max(AGAIN_AFTER, 1.25 * self._answer_seconds), MAX_AGAIN_AFTER)
        asked: list[int] = []
        for number, entry in list(self._missing.items()):
            if now - entry[0] > GIVE_UP_AFTER or entry[2] >= TRIES:
                del self._missing[number]
            elif now >= entry[1]:
                entry[1] = now + patience
                entry[3] = entry[3] if entry[2] else now
                entry[2] += 1
                asked.append(number & 0xFFFF)
        return asked

    @property
    def missing(self) -> int:
        """How many are being asked for."""
        return len(self._missing)

    def sender_report(self, ntp: int, timestamp: int, packets: int, now: float) -> bool:
        """Take a sender report, unless it is implausible: OBS begins with one of count 0 and timestamp 0xFFFFFFFF."""
        if packets == 0 or timestamp == 0xFFFFFFFF or ntp >> 32 == 0:
            return False
        self.report_ntp = compact(ntp)
        self.report_at = now
        self.reference = (from_ntp(ntp), timestamp)
        return True

    def block(self, now: float) -> Block:
        """The report block of now; ends the interval."""
        expected = 0 if self._base is None else self._highest - self._base + 1
        self.lost = max(-0x800000, min(expected - self.received, 0x7FFFFF))
        in_interval = expected - self._expected_before
        missed = in_interval - (self.received - self._received_before)
        self._expected_before, self._received_before = expected, self.received
        self.fraction = missed / in_interval if in_interval > 0 and missed > 0 else 0.0
        delay = min(int((now - self.report_at) * 65536), 0xFFFFFFFF) if self.report_ntp else 0
        return (
            self.ssrc,
            min(int(self.fraction * 256), 255),
            self.lost,
            self._highest - 0x10000 if self._highest >= 0x10000 else self._highest,
            int(self._jitter),
            self.report_ntp,
            delay,
        )

    def _answered(self, seconds: float) -> None:
        # From the first NACK, also where there were more, as nobody knows which was answered (Karn's problem): too long where
        # the first was lost. Too short where the packet was only late: AGAIN_AFTER bounds that.
        known = self._answer_seconds
        self._answer_seconds = known + (seconds - known) / 8 if known else seconds

    def _measure(self, timestamp: int, now: float) -> None:
        transit = now * self.clock_rate - timestamp
        if self._transit is not None:
            difference = abs(transit - self._transit)
            if difference < self.clock_rate * 10:  # not over a wrap or a jump of the timestamp
                self._jitter += (difference - self._jitter) / 16
        self._transit = transit

    def _restart(self, sequence: int) -> None:
        self._base = self._highest = sequence + 0x10000
        self._strange = -1
        self._missing.clear()
        self._expected_before = 0
        self._received_before = self.received = 1
        self._transit = None
