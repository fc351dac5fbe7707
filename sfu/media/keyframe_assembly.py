"""Where groups of pictures begin: key pictures are followed until they are whole, in whatever order their packets come.

Pure. A picture is the packets of one timestamp. That it is a key picture, its own header says (`sfu.wire.bitstream.picture`); a group begins
with its first packet, and not before all of it is there: a viewer could not begin with half of it. What is lost for good leaves
viewers the group before.
"""

from typing import Final

from sfu.media.history import History, Packet
from sfu.wire.bitstream.header_readers import HeaderReader
from sfu.wire.bitstream.parameter_sets import ParameterSets
from sfu.wire.bitstream.picture import KEY, RECOVERY, SETS, STARTS

MAX_OPEN: Final = 8
"""Key pictures that are followed at once."""
HOLE_SECONDS: Final = 1.0
"""So long a packet just before a key picture is waited for, which may be its first: as long as it is asked for."""


class Keyframe:
    """A key picture."""

    __slots__ = ("brings", "ended", "fragmented", "high", "low", "since", "timestamp", "weak")

    def __init__(self, packet: Packet, *, weak: bool) -> None:
        self.low = self.high = packet[0]
        """The first and the last index of what is there of it without a gap."""
        self.timestamp = packet[1]
        self.ended = bool(packet[2])
        self.since = packet[5]
        self.weak = weak
        """Only a recovery point."""
        self.brings = False
        """There are parameter sets in it."""
        self.fragmented = False
        """One of them is in a form that is not taken apart here."""


class KeyframeAssembly:
    """The key pictures of one source."""

    __slots__ = ("_bitstream", "_done", "brings", "open")

    def __init__(self, bitstream: HeaderReader) -> None:
        self._bitstream = bitstream
        self.open: list[Keyframe] = []
        """Those that are not whole yet."""
        self._done = -1
        """Timestamp of the last one that was whole."""
        self.brings = False
        """That one brought parameter sets: where the packet before another is lost, it may have been new ones."""

    def add(self, packet: Packet, flags: int) -> bool:
        """*packet* is in the history, and says *flags* of its picture; whether one may have become whole by it."""
        if flags & (KEY | RECOVERY) and packet[1] != self._done:
            self._follow(packet, weak=not flags & KEY)
        index = packet[0]
        return bool(self.open) and (bool(flags & SETS) or any(index <= one.high + 1 for one in self.open))

    def _follow(self, packet: Packet, *, weak: bool) -> None:
        for one in self.open:
            if one.timestamp == packet[1]:
                one.weak = one.weak and weak
                return
        one = Keyframe(packet, weak=weak)
        self._include(one, packet)
        self.open.append(one)
        del self.open[:-MAX_OPEN]

    def take_complete(self, history: History, sets: ParameterSets, now: float) -> Keyframe | None:
        """The newest of those that have become whole, once."""
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
        looked = self._bitstream
        while not one.ended:
            following = history.get(one.high + 1)
            if following is None:
                return False
            if following[1] != one.timestamp:
                one.ended = True
            else:
                one.high += 1
                one.ended = bool(following[2])
                self._include(one, following)
        if not looked.kinds:
            return True  # the key packet is the first
        before = history.get(one.low - 1)
        while before is not None and before[1] == one.timestamp:
            one.low -= 1
            self._include(one, before)
            before = history.get(one.low - 1)
        if not one.fragmented and not sets.complete(looked.kinds):
            return False
        if before is not None or one.low - 1 <= history.forgotten:
            return True
        first = history.get(one.low)
        if first is not None and looked.flags(first[3]) & STARTS:
            return True
        return not self.brings and now - one.since > HOLE_SECONDS

    def _include(self, one: Keyframe, packet: Packet) -> None:
        looked = self._bitstream
        if looked.kinds and looked.flags(packet[3]) & SETS:
            one.brings = True
            one.fragmented = one.fragmented or not any(looked.parameter_sets(packet[3]))
