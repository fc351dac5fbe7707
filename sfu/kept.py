"""Packets of a source that is not forwarded yet, kept until it begins: so that it begins whole, and in order.

Pure. Sound begins with its first packet, a picture with a keyframe, and with the parameter sets right before it. The packets
of a beginning come out of order like any others, so they are let settle for a moment. Bounded by MAX_KEPT and KEEP_SECONDS.
"""

from typing import Final

from sfu.keyframes import bitstream
from sfu.picture import KEY, OPENING, RECOVERY
from sfu.rtp import Extensions

MAX_KEPT: Final = 1024
KEEP_SECONDS: Final = 3.0
SETTLE: Final = 0.01
"""Seconds, or
"""
SETTLED: Final = 48
"""packets after a keyframe's begin was found, until it is used."""
ANYHOW: Final = 10.0
"""Seconds without anything that we know for a keyframe, after which the source begins all the same."""

Taken = tuple[int, int, int, bytes, Extensions]
"""Extended number, timestamp, marker (0 or 0x80), payload, extensions to forward."""


class Kept:
    """The packets of one SSRC."""

    __slots__ = ("_codec", "_found_at", "_packets", "_since", "_start")

    def __init__(self, codec: str | None, now: float) -> None:
        self._codec = codec
        """The name of the picture's codec; None for sound."""
        self._packets: dict[int, tuple[Taken, float]] = {}
        self._since = now
        self._start: Taken | None = None
        self._found_at = 0.0

    def __len__(self) -> int:
        return len(self._packets)

    @property
    def found(self) -> bool:
        """Whether there is a place to begin at."""
        return self._start is not None

    def add(self, packet: Taken, now: float) -> None:
        """Keep *packet*; the oldest ones make room."""
        packets = self._packets
        packets[packet[0]] = (packet, now)
        while len(packets) > MAX_KEPT or next(iter(packets.values()))[1] < now - KEEP_SECONDS:
            oldest = next(iter(packets))
            del packets[oldest]
            if self._start is not None and oldest == self._start[0]:
                self._start = None
        start = self._start
        if self._codec is None:
            if start is None or packet[0] < start[0]:
                self._start = packet
        elif bitstream(self._codec).flags(packet[3]) & (KEY | RECOVERY):
            if start is None:
                self._found_at = now
            # The earliest packet of the newest keyframe.
            if start is None or (packet[0] < start[0]) is (packet[1] == start[1]):
                self._start = packet

    def ready(self, now: float) -> bool:
        """Whether the source can begin with what is here."""
        if self._start is None:
            return self._codec is not None and now - self._since > ANYHOW and bool(self._packets)
        return self._codec is None or now - self._found_at >= SETTLE or len(self._packets) >= SETTLED

    def take(self) -> list[Taken]:
        """What the source begins with, in order."""
        packets = self._packets
        first = min(packets)
        if self._start is not None and self._codec is not None:
            first = self._start[0]
            while (before := packets.get(first - 1)) is not None and (
                before[0][1] == self._start[1] or bitstream(self._codec).flags(before[0][3]) & OPENING
            ):
                first -= 1
        return [packets[number][0] for number in sorted(packets) if number >= first]
