"""Follows each keyframe until all of it is there, in whatever order its packets come: only then a group of pictures begins.

A picture is the packets of one timestamp. That it is a keyframe, its own header says (`sfu.wire.bitstream.picture`). A group begins
with the first packet of a keyframe, and not before the keyframe is whole: a viewer could not begin with half of it. Where a packet
is lost for good, viewers keep the group before.
"""

from typing import Final

from sfu.media.history import History, Packet
from sfu.wire.bitstream.header_readers import HeaderReader
from sfu.wire.bitstream.parameter_sets import ParameterSets
from sfu.wire.bitstream.picture import KEY, RECOVERY, SETS, STARTS

MAX_OPEN: Final = 8
"""Keyframes that are followed at once."""
HOLE_SECONDS: Final = 1.0
"""So long a packet just before a keyframe is waited for, which may be its first: as long as it is asked for."""


class Keyframe:
    """A keyframe, as far as its packets have come: the run of indices that begins a group of pictures."""

    __slots__ = ("brings", "ended", "fragmented", "high", "low", "since", "timestamp", "weak")

    def __init__(self, packet: Packet, *, weak: bool) -> None:
        index, timestamp, marker, _payload, _extensions, arrived = packet
        self.low = self.high = index
        """The first and the last index of the packets that are there without a gap."""
        self.timestamp = timestamp
        self.ended = bool(marker)
        """Whether its last packet is there."""
        self.since = arrived
        """When the packet came that says that this is a keyframe."""
        self.weak = weak
        """Whether it is only a recovery point, which not all decoders begin with."""
        self.brings = False
        """Whether there are parameter sets in it."""
        self.fragmented = False
        """Whether one of them is in a form that is not taken apart here."""


class KeyframeAssembly:
    """The keyframes of one source that are not whole yet; *headers* reads the payloads of its codec."""

    __slots__ = ("_done", "_headers", "brings", "open")

    def __init__(self, headers: HeaderReader) -> None:
        self._headers = headers
        self.open: list[Keyframe] = []
        """Those that are not whole yet."""
        self._done = -1
        """The timestamp of the last one that was whole."""
        self.brings = False
        """That one brought parameter sets: where the packet before another is lost, it may have been new ones."""

    def add(self, packet: Packet, flags: int) -> bool:
        """Take *packet*, which is in the history and says *flags* of its picture; whether a keyframe may be whole by it."""
        index, timestamp, _marker, _payload, _extensions, _arrived = packet
        if flags & (KEY | RECOVERY) and timestamp != self._done:
            self._follow(packet, timestamp, weak=not flags & KEY)
        return bool(self.open) and (bool(flags & SETS) or any(index <= one.high + 1 for one in self.open))

    def _follow(self, packet: Packet, timestamp: int, *, weak: bool) -> None:
        for one in self.open:
            if one.timestamp == timestamp:
                one.weak = one.weak and weak
                return
        one = Keyframe(packet, weak=weak)
        self._include(one, packet)
        self.open.append(one)
        del self.open[:-MAX_OPEN]

    def take_complete(self, history: History, sets: ParameterSets, now: float) -> Keyframe | None:
        """The newest keyframe that has become whole since the last call; None where there is none."""
        found = None
        for one in list(self.open):
            if history.get(one.low) is None:
                self.open.remove(one)
            elif self._is_whole(one, history, sets, now):
                self.open.remove(one)
                found = one if found is None or one.low > found.low else found
        if found is not None:
            self._done, self.brings = found.timestamp, found.brings
            # What is older and still torn is of no more use.
            self.open = [one for one in self.open if one.low > found.low]
        return found

    def _is_whole(self, one: Keyframe, history: History, sets: ParameterSets, now: float) -> bool:
        self._extend(one, history)
        if not one.ended:
            return False
        if not self._headers.kinds:
            return True  # the key packet is the first
        before = self._include_before(one, history)
        if not one.fragmented and not sets.complete(self._headers.kinds):
            return False
        if before is not None or one.low - 1 <= history.forgotten:
            return True
        first = history.get(one.low)
        if first is not None:
            _index, _timestamp, _marker, payload, _extensions, _arrived = first
            if self._headers.flags(payload) & STARTS:
                return True
        return not self.brings and now - one.since > HOLE_SECONDS

    def _extend(self, one: Keyframe, history: History) -> None:
        """Take the packets behind what is there of *one*, up to its end or to the first that is missing."""
        while not one.ended and (following := history.get(one.high + 1)) is not None:
            index, timestamp, marker, _payload, _extensions, _arrived = following
            if timestamp != one.timestamp:
                one.ended = True
            else:
                one.high = index
                one.ended = bool(marker)
                self._include(one, following)

    def _include_before(self, one: Keyframe, history: History) -> Packet | None:
        """Take the packets of *one* before its first; returns the packet before them, None where that is missing."""
        while (before := history.get(one.low - 1)) is not None:
            index, timestamp, _marker, _payload, _extensions, _arrived = before
            if timestamp != one.timestamp:
                break
            one.low = index
            self._include(one, before)
        return before

    def _include(self, one: Keyframe, packet: Packet) -> None:
        """Note what parameter sets *packet*, a part of *one*, brings."""
        headers = self._headers
        _index, _timestamp, _marker, payload, _extensions, _arrived = packet
        if headers.kinds and headers.flags(payload) & SETS:
            one.brings = True
            one.fragmented = one.fragmented or not any(headers.parameter_sets(payload))
