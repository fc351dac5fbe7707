"""Packets of a source that is not forwarded yet, kept until it begins: so that it begins whole, and in order.

Pure. Sound begins with its first packet, a picture with a keyframe, and with the parameter sets right before it. The packets
of a beginning come out of order like any others, so they are let settle for a moment; and where parameter sets may be among
those that are missing, they are waited for as long as they are asked for, as what comes after a beginning is not put before it.
Bounded by MAX_KEPT and KEEP_SECONDS.
"""

from typing import Final

from sfu.media.missing_packets import GIVE_UP_AFTER
from sfu.wire.bitstream.header_readers import header_reader
from sfu.wire.bitstream.parameter_sets import ParameterSets
from sfu.wire.bitstream.picture import KEY, OPENING, RECOVERY, SETS, STARTS
from sfu.wire.rtp import Extensions

MAX_KEPT: Final = 4096
"""A keyframe of 4 MB, or GIVE_UP_AFTER at 40 Mbit/s."""
KEEP_SECONDS: Final = 3.0
SETTLE: Final = 0.01
"""Seconds, or
"""
SETTLED: Final = 48
"""packets after a keyframe's begin was found, until it is used."""
ANYHOW: Final = 10.0
"""Seconds without anything that we know for a keyframe, after which the source begins all the same."""

NumberedPacket = tuple[int, int, int, bytes, Extensions]
"""Extended number, timestamp, marker (0 or 0x80), payload, extensions to forward."""


class StartBuffer:
    """The packets of one SSRC."""

    __slots__ = ("_codec", "_found_at", "_packets", "_since", "_start")

    def __init__(self, codec: str | None, now: float) -> None:
        self._codec = codec
        """The name of the picture's codec; None for sound."""
        self._packets: dict[int, tuple[NumberedPacket, float]] = {}
        self._since = now
        self._start: NumberedPacket | None = None
        self._found_at = 0.0

    def __len__(self) -> int:
        return len(self._packets)

    @property
    def found(self) -> bool:
        """Whether there is a place to begin at."""
        return self._start is not None

    def add(self, packet: NumberedPacket, now: float) -> None:
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
        elif header_reader(self._codec).flags(packet[3]) & (KEY | RECOVERY):
            if start is None:
                self._found_at = now
            # The earliest packet of the newest keyframe.
            if start is None or (packet[0] < start[0]) is (packet[1] == start[1]):
                self._start = packet

    def ready(self, now: float, known: ParameterSets | None = None) -> bool:
        """Whether the source can begin with what is here; *known* are the parameter sets that it has told of anywhere."""
        if self._start is None:
            return self._codec is not None and self.overdue(now) and bool(self._packets)
        if self._codec is None:
            return True
        waited = now - self._found_at
        if waited < SETTLE and len(self._packets) < SETTLED:
            return False
        return waited >= GIVE_UP_AFTER or self._opens(self._codec, known)

    def stale(self, now: float) -> bool:
        """Whether nothing has come for so long that the source is over."""
        return bool(self._packets) and next(reversed(self._packets.values()))[1] < now - KEEP_SECONDS

    def overdue(self, now: float) -> bool:
        """Whether the source is to begin with anything."""
        return now - self._since > ANYHOW

    def _opens(self, codec: str, known: ParameterSets | None) -> bool:
        """Whether no parameter sets of the keyframe can be missing: it has one of each kind, or needs none."""
        headers, first = header_reader(codec), self._first()
        carried = self.carried()
        if carried is None or len(carried) >= headers.kinds:
            return True
        if carried:
            return False
        packets = self._packets
        torn = first - 1 not in packets and first > min(packets) and not headers.flags(packets[first][0][3]) & STARTS
        return not torn and known is not None and known.complete(headers.kinds)

    def carried(self) -> set[int] | None:
        """The kinds of parameter sets that come with the keyframe; None: in fragments, which are not taken apart."""
        carried: set[int] = set()
        if self._codec is None or self._start is None:
            return carried
        headers = header_reader(self._codec)
        for number in range(self._first(), self._start[0] + 1):
            payload = self._packets[number][0][3]
            if headers.kinds and headers.flags(payload) & SETS:
                found = {kind for kind, _number, _unit in headers.parameter_sets(payload)}
                if not found:
                    return None
                carried |= found
        return carried

    def _first(self) -> int:
        """The number of the packet to begin with."""
        packets, start = self._packets, self._start
        if start is None or self._codec is None:
            return min(packets)
        first = start[0]
        while (before := packets.get(first - 1)) is not None and (
            before[0][1] == start[1] or header_reader(self._codec).flags(before[0][3]) & OPENING
        ):
            first -= 1
        return first

    def packets(self) -> list[NumberedPacket]:
        """All that is here, in order."""
        return [self._packets[number][0] for number in sorted(self._packets)]

    def take(self) -> list[NumberedPacket]:
        """What the source begins with, in order."""
        first = self._first()
        return [packet for packet in self.packets() if packet[0] >= first]
