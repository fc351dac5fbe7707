"""Holds back the packets of a source that is not forwarded yet, so that it begins whole and in order.

Sound begins with its first packet, a picture with a keyframe and the parameter sets right before it. The first packets come out of
order like any others, so they settle for a moment. Where parameter sets may be among those that are missing, they are waited for as
long as they are asked for, because nothing can be put before a beginning afterwards. Bounded by MAX_PACKETS and KEEP_SECONDS.
"""

from typing import Final

from sfu.media.feedback.missing_packets import GIVE_UP_AFTER
from sfu.wire.bitstream.header_readers import header_reader
from sfu.wire.bitstream.parameter_sets import ParameterSets
from sfu.wire.bitstream.picture import KEY, OPENING, RECOVERY, SETS, STARTS
from sfu.wire.rtp import Extensions

MAX_PACKETS: Final = 4096
"""A keyframe of 4 MB, or GIVE_UP_AFTER at 40 Mbit/s."""
KEEP_SECONDS: Final = 3.0
"""Seconds after which a packet is let go."""
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
    """The latest packets of one SSRC, and whether its forwarding can begin with them.

    *codec* names the codec of a picture, and is None for sound.
    """

    __slots__ = ("_codec", "_found_at", "_packets", "_since", "_start")

    def __init__(self, codec: str | None, now: float) -> None:
        self._codec = codec
        self._packets: dict[int, tuple[NumberedPacket, float]] = {}
        self._since = now
        self._start: tuple[int, int] | None = None
        """Extended number and timestamp of the packet to begin with, or of the keyframe's first that says that it is one."""
        self._found_at = 0.0

    def __len__(self) -> int:
        return len(self._packets)

    @property
    def found(self) -> bool:
        """Whether a packet is here that the source can begin with."""
        return self._start is not None

    def add(self, packet: NumberedPacket, now: float) -> None:
        """Take *packet*; the oldest ones make room for it."""
        packets = self._packets
        number, timestamp, _marker, payload, _extensions = packet
        packets[number] = (packet, now)
        while len(packets) > MAX_PACKETS or self._oldest_at() < now - KEEP_SECONDS:
            oldest = next(iter(packets))
            del packets[oldest]
            if self._start is not None:
                start_number, _timestamp = self._start
                self._start = None if oldest == start_number else self._start
        if self._codec is not None and not header_reader(self._codec).flags(payload) & (KEY | RECOVERY):
            return
        if self._start is None:
            self._start, self._found_at = (number, timestamp), now
            return
        start_number, start_timestamp = self._start
        # Of sound the earliest packet, of a picture the earliest one of the newest keyframe.
        if (number < start_number) is (self._codec is None or timestamp == start_timestamp):
            self._start = number, timestamp

    def _oldest_at(self) -> float:
        _packet, at = next(iter(self._packets.values()))
        return at

    def ready(self, now: float, known: ParameterSets | None = None) -> bool:
        """Whether the source can begin with what is here; *known* are the parameter sets that it has sent at any time."""
        if self._start is None:
            return self._codec is not None and self.overdue(now) and bool(self._packets)
        if self._codec is None:
            return True
        waited = now - self._found_at
        if waited < SETTLE and len(self._packets) < SETTLED:
            return False
        return waited >= GIVE_UP_AFTER or self._opens(self._codec, known)

    def stale(self, now: float) -> bool:
        """Whether nothing has come for KEEP_SECONDS, so that the source is over."""
        if not self._packets:
            return False
        _packet, newest_at = next(reversed(self._packets.values()))
        return newest_at < now - KEEP_SECONDS

    def overdue(self, now: float) -> bool:
        """Whether no keyframe came for so long that the source is to begin with anything."""
        return now - self._since > ANYHOW

    def _opens(self, codec: str, known: ParameterSets | None) -> bool:
        """Whether no parameter sets of the keyframe can be missing: it has one of each kind, or needs none."""
        headers, first = header_reader(codec), self._first()
        carried = self.carried()
        if carried is None or len(carried) >= headers.kinds:
            return True
        if carried:
            return False
        torn = (
            first - 1 not in self._packets
            and first > min(self._packets)
            and not headers.flags(self._payload(first)) & STARTS
        )
        return not torn and known is not None and known.complete(headers.kinds)

    def carried(self) -> set[int] | None:
        """The kinds of parameter sets that come with the keyframe; None where they are in fragments, which are not read."""
        carried: set[int] = set()
        if self._codec is None or self._start is None:
            return carried
        headers = header_reader(self._codec)
        start_number, _timestamp = self._start
        for number in range(self._first(), start_number + 1):
            payload = self._payload(number)
            if headers.kinds and headers.flags(payload) & SETS:
                found = {kind for kind, _number, _unit in headers.parameter_sets(payload)}
                if not found:
                    return None
                carried |= found
        return carried

    def _first(self) -> int:
        """The extended number of the packet to begin with."""
        packets, start = self._packets, self._start
        if start is None or self._codec is None:
            return min(packets)
        headers = header_reader(self._codec)
        first, start_timestamp = start
        while first - 1 in packets:
            (_number, timestamp, _marker, payload, _extensions), _at = packets[first - 1]
            if timestamp != start_timestamp and not headers.flags(payload) & OPENING:
                break
            first -= 1
        return first

    def _payload(self, number: int) -> bytes:
        (_number, _timestamp, _marker, payload, _extensions), _at = self._packets[number]
        return payload

    def packets(self) -> list[NumberedPacket]:
        """All packets that are here, in order."""
        return [packet for _number, (packet, _at) in sorted(self._packets.items())]

    def take(self) -> list[NumberedPacket]:
        """The packets that the source begins with, in order."""
        first = self._first()
        return [packet for number, (packet, _at) in sorted(self._packets.items()) if number >= first]
