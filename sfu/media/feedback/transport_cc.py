"""Transport-wide feedback to a publisher: which of its packets arrived, and when, so that it finds its bitrate by itself.

The format is that of draft-holmer-rmcat-transport-wide-cc-extensions-01. `record()` is the hot path: it puts a time into a ring
and makes no object. `feedback()` turns what came since the last call into RTCP, `encode()` one report of it.

Left out: a packet that arrives after it was reported lost is not reported again unless it is newer than a whole report.
"""

import struct
from array import array
from collections.abc import Sequence
from typing import Final

from sfu.wire.rtcp import RTPFB
from sfu.wire.rtp import extend

FORMAT: Final = 15
EVERY: Final = 0.05
"""Seconds between reports: what libwebrtc's own receiver does at 2.5 Mbit/s."""
TICKS: Final = 4000
"""Ticks a second: 250 us each, the unit of a receive delta."""
BLOCK: Final = 256
"""Ticks of 64 ms, the unit of a reference time."""
RING: Final = 4096
"""Packets that a report can look back at: half a second of 100 Mbit/s."""
MAX_PACKETS: Final = 400
"""In one report: under 1000 bytes whatever the arrival times."""

MAX_GAP: Final = 256
"""Numbers that may be missing between two packets: a second of 2.5 Mbit/s. After more the report begins anew, so that
numbers that leap cost a publisher's node nothing."""

_LOST, _SMALL, _LARGE = 0, 1, 2
_MAX_RUN: Final = 0x1FFF
_NEVER: Final = -1
_GAP: Final = array("q", [_NEVER]) * MAX_GAP


class Arrivals:
    """Remembers when the packets of one session arrived, by their transport-wide sequence numbers, and reports it."""

    __slots__ = ("_due", "_highest", "_next", "_reports", "_times")

    def __init__(self) -> None:
        self._times = array("q", [_NEVER]) * RING
        """Arrival times in ticks, by extended number modulo RING."""
        self._highest = -1
        self._next = 0
        """The first number that was not reported yet."""
        self._reports = 0
        self._due = 0.0

    def record(self, sequence: int, at: float) -> None:
        """Note that the packet with this transport-wide *sequence* number arrived, in seconds *at* any clock."""
        highest = self._highest
        number = extend(sequence, highest) if highest >= 0 else sequence + 0x10000
        if number == highest + 1:
            self._highest = number
        elif number > highest:
            if highest < 0 or number - highest > MAX_GAP:  # the first one, or a leap that nothing links to what was
                self._next = number
            else:
                start = (highest + 1) % RING
                end = start + number - highest - 1
                self._times[start : min(end, RING)] = _GAP[: min(end, RING) - start]
                if end > RING:
                    self._times[: end - RING] = _GAP[: end - RING]
            self._highest = number
        elif number < self._next:
            return
        self._times[number % RING] = int(at * TICKS)

    def due(self, now: float) -> bool:
        """Whether there is something to report, and it is time; counts the report as sent."""
        if now < self._due or self._highest < self._next:
            return False
        self._due = now + EVERY
        return True

    def feedback(self, sender: int, media: int) -> list[bytes]:
        """RTCP packets on all that arrived since the last call, from SSRC *sender* about *media*."""
        reports: list[bytes] = []
        times = self._times
        start = max(self._next, self._highest + 1 - RING)
        while start <= self._highest:
            run: list[int] = []
            last = _NEVER
            for number in range(start, min(start + MAX_PACKETS, self._highest + 1)):
                at = times[number % RING]
                # A delta has 16 bits, some 8 s: what is further apart goes into the next report.
                if _NEVER not in (at, last) and not -0x8000 <= at - last < 0x7000:
                    break
                run.append(at)
                last = at if at != _NEVER else last
            reports.append(encode(sender, media, start, run, self._reports))
            self._reports = self._reports + 1 & 0xFF
            start += len(run)
        self._next = self._highest + 1
        return reports


def encode(sender: int, media: int, base: int, times: Sequence[int], report: int) -> bytes:
    """One RTCP report: *times* in ticks of the packets from number *base* on, -1 for those that did not arrive."""
    first = next((at for at in times if at != _NEVER), 0)
    reference = first // BLOCK
    symbols: list[int] = []
    deltas: list[bytes] = []
    before = reference * BLOCK
    for at in times:
        if at == _NEVER:
            symbols.append(_LOST)
            continue
        delta = at - before
        before = at
        if 0 <= delta <= 0xFF:
            symbols.append(_SMALL)
            deltas.append(delta.to_bytes(1, "big"))
        else:
            symbols.append(_LARGE)
            deltas.append(delta.to_bytes(2, "big", signed=True))
    body = struct.pack(
        "!IIHHI", sender, media, base & 0xFFFF, len(times), (reference & 0xFFFFFF) << 8 | report & 0xFF
    ) + b"".join((*_chunks(symbols), *deltas))
    padding = -len(body) % 4
    if padding:
        body += bytes(padding - 1) + bytes((padding,))
    return struct.pack("!BBH", (0xA0 if padding else 0x80) | FORMAT, RTPFB, len(body) // 4) + body


def _chunks(symbols: Sequence[int]) -> list[bytes]:
    """The packet status chunks (3.1.3, 3.1.4): runs where they are long, else 14 symbols of one bit or 7 of two."""
    chunks: list[bytes] = []
    at, size = 0, len(symbols)
    while at < size:
        symbol = symbols[at]
        end = at + 1
        while end < size and end - at < _MAX_RUN and symbols[end] == symbol:
            end += 1
        window = symbols[at : at + 14]
        if end - at >= 14 or end == size or (symbol == _LARGE and end - at >= 7):
            word = symbol << 13 | end - at
        elif _LARGE in window:
            window = window[:7]
            word = 0xC000 | sum(value << 12 - 2 * place for place, value in enumerate(window))
            end = at + len(window)
        else:
            word = 0x8000 | sum(value << 13 - place for place, value in enumerate(window))
            end = at + len(window)
        chunks.append(word.to_bytes(2, "big"))
        at = end
    return chunks
