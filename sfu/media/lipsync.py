"""One clock for all tracks of a publisher, so that viewers play sound and picture together (RFC 3550, section 6.4.1).

Each track has a line: what its RTP timestamp is at an instant of our monotonic clock. It is known from two things.

- The arrival of its least delayed packets. It moves with the clocks; but a line rises by no more than DRIFT, so that a stall of the
  uplink does not move it.
- Sender reports, as far as both tracks reported near each other in time. They are exact between the tracks, whatever the network
  did to packets and reports.

Until there are such reports (FFmpeg sends none), lines follow the arrival. Then both are set at one instant; the first track's time
does not move at all.

Invariant: the lines of two tracks move against each other by DRIFT at most, but at an instant at which both were reported anew.
A report that contradicts the one before is believed when the next one says the same, and from then on only beside reports
of the other track that are not older: a clock that is set reaches the tracks' reports one after the other.
"""

from dataclasses import dataclass
from typing import Final

DRIFT: Final = 0.0005
"""Clocks run apart by no more: crystals stay below 200 ppm."""
TOLERANCE: Final = 0.02
"""Seconds by which reports of one track may contradict each other: senders stamp them by the last frame."""
TOGETHER: Final = 30.0
"""Seconds between two tracks' reports that are held together; for the first pair,"""
TOGETHER_AT_FIRST: Final = 150.0
"""for a clock drifts by 30 ms in that time."""
PLAUSIBLE: Final = 0.3
"""Seconds by which a first report may contradict the arrival of packets; beyond, it takes a second one."""
SETTLED: Final = 2
"""Seconds with packets until their arrival is believed."""
UNREPORTED: Final = 6.0
"""Seconds until lines are told by arrival where one track reports and the other does not: Chromium's sound reports each 5 s."""
OLD: Final = 60.0
"""Seconds after which a report is no news."""
LEAP: Final = 10.0
"""Seconds by which no packet is late: its timestamps began anew."""


@dataclass(slots=True)
class _Line:
    """One track's line: timestamp / rate + offset + the common constant is its time on our monotonic clock."""

    rate: int
    newest: int
    """The last RTP timestamp, unwrapped."""
    delay: float
    """Arrival less timestamp in seconds, of the packets that came soonest."""
    delay_at: float
    heard: int = 0
    """Seconds in which packets came."""
    offset: float = 0.0
    latency: float = 0.0
    """Seconds of the offset over the delay, by the reports of an earlier line."""
    exact: bool = False
    """Whether the offset comes from reports."""
    report: float | None = None
    """The sender's clock less timestamp in seconds, carried on to now."""
    report_at: float = float("-inf")
    """When it was made."""
    reports: int = 0
    """Reports in a row that agree."""
    doubt: tuple[float, float] | None = None
    """(sender's clock less timestamp, when it was made) of a report that contradicts."""


class LipSync:
    """Tells, for each track of one publisher, which RTP timestamp is of now.

    Times are seconds of our monotonic clock; a *kind* is "audio" or "video".
    """

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}
        self._constant = 0.0
        self._began: float | None = None
        self._paired = False
        self._stepped_at = float("-inf")
        """When the sender's clock was set last: reports from before do not go with those that came since."""

    def begin(self, kind: str, rate: int, at: float, timestamp: int) -> None:
        """Begin the line of *kind* anew, as another SSRC or a restart does, with *timestamp*, which came *at*."""
        before = self._lines.get(kind)
        line = self._lines[kind] = _Line(rate, timestamp, at - timestamp / rate, at)
        if before is not None:
            # The same encoder, most likely: its picture is behind its sound by as much as it was.
            line.latency = before.offset - before.delay
        line.offset = line.delay + line.latency
        if self._began is None:
            self._began = at

    def arrived(self, kind: str, at: float, timestamp: int) -> None:
        """Take the least delayed packet of the last second: it said *timestamp* and came *at*."""
        line = self._lines[kind]
        if abs(at - self._seconds(line, timestamp) - line.delay) > LEAP:
            self.begin(kind, line.rate, at, timestamp)
            return
        line.heard += 1
        seconds = self._seconds(line, timestamp)
        line.newest = round(seconds * line.rate)
        bound = DRIFT * max(at - line.delay_at, 0.0)
        moved = min(at - seconds - line.delay, bound)
        line.delay += moved
        line.delay_at = at
        drifted = max(moved, -bound)
        if line.report is not None:
            line.report += drifted
        line.offset = line.offset + drifted if line.exact else line.delay + line.latency

    def reported(self, kind: str, clock: float, timestamp: int, now: float) -> None:
        """Take a sender report: *timestamp* was at *clock*, in seconds of the sender's own clock."""
        line = self._lines[kind]
        seconds = self._seconds(line, timestamp)
        # When it was made, by its own timestamp: a stall holds up one track's reports and not the other's.
        made = min(seconds + line.delay, now)
        if made < line.report_at or not now - OLD < seconds + line.delay < now + 1.0:
            return
        says = clock - seconds
        if line.report is None or _agree(says, line.report, made - line.report_at):
            line.reports += 1
        elif line.doubt is not None and _agree(says, line.doubt[0], made - line.doubt[1]):
            self._stepped_at = line.doubt[1]
            line.reports = 2
        else:
            line.doubt = (says, made)
            return
        line.report, line.report_at, line.doubt = says, made, None
        self._pair()

    def timestamp(self, kind: str, now: float) -> int | None:
        """The RTP timestamp of *kind* at *now*; None while that is not known."""
        line = self._lines.get(kind)
        if line is None or self._began is None:
            return None
        reports = sum(one.report is not None for one in self._lines.values())
        if not self._paired and 0 < reports < len(self._lines) and now - self._began < UNREPORTED:
            return None
        if not line.exact and line.heard < SETTLED:
            return None
        return round((now - self._constant - line.offset) * line.rate) & 0xFFFFFFFF

    def _pair(self) -> None:
        """Set the lines by the reports, where each track has one that goes with the others'."""
        lines = list(self._lines.values())
        times = [line.report_at for line in lines if line.report is not None]
        if len(lines) < 2 or len(times) < len(lines) or min(times) < self._stepped_at:
            return
        apart = max(times) - min(times)
        if apart > TOGETHER and (apart > TOGETHER_AT_FIRST or all(line.exact for line in lines)):
            return
        first = lines[0]
        for line in lines[1:]:
            says = (line.report or 0.0) - (first.report or 0.0)
            surprise = abs(says - (line.delay - first.delay))
            if surprise > PLAUSIBLE and min(line.reports, first.reports) < 2:
                return
        held = self._constant + first.offset
        for line in lines[1:]:
            says = (line.report or 0.0) - (first.report or 0.0)
            known = line.offset - first.offset
            if line.exact and first.exact and abs(says - known) <= TOLERANCE:
                says = known + (says - known) / 4  # reports are stamped with some jitter
            line.offset = (first.report or 0.0) + says
            line.exact = True
        first.offset = first.report or 0.0
        first.exact = True
        self._constant = held - first.offset
        self._paired = True

    def _seconds(self, line: _Line, timestamp: int) -> float:
        """*timestamp* in seconds of its own clock, unwrapped."""
        newest = line.newest
        return (newest + ((timestamp - newest + 0x80000000) & 0xFFFFFFFF) - 0x80000000) / line.rate


def _agree(one: float, other: float, apart: float) -> bool:
    return abs(one - other) <= TOLERANCE + 0.0003 * apart
