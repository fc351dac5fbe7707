"""The pictures of one source of video: which packets open one, where groups begin, and what a decoder needs to begin there.

Pure. Encoders send parameter sets as they like: with each keyframe, once, in the offer alone, with timestamps and markers of
their own. What viewers get is the same for all: sets belong to the picture after them, and a group has its sets.
"""

from collections.abc import Callable
from typing import Final

from sfu.media.history import History, Packet
from sfu.media.keyframe_assembly import Keyframe, KeyframeAssembly
from sfu.negotiation import Codec
from sfu.wire.bitstream import av1
from sfu.wire.bitstream.h264 import profile_level
from sfu.wire.bitstream.header_readers import header_reader
from sfu.wire.bitstream.parameter_sets import ParameterSets
from sfu.wire.bitstream.picture import OPENING, SETS

MAX_HELD: Final = 16
NEAR: Final = 8
"""Packets after one that opens a picture in which the picture's own are looked for."""


class StartPoints:
    """Those of one source, whose packets are kept in *history*."""

    def __init__(self, codec: Codec, history: History, sets: ParameterSets | None = None) -> None:
        self._codec = codec.name
        self._bitstream = header_reader(codec.name)
        self._keyframes = KeyframeAssembly(self._bitstream)
        self._history = history
        self.sets = ParameterSets(self._bitstream.out_of_band(codec.parameters)) if sets is None else sets
        """The parameter sets of the source."""
        self.profile_level: str | None = None
        """H264: what the SPS says."""
        self._held: list[tuple[Packet, int]] = []
        """Packets that open a picture, with what they say of it, until another one tells its timestamp."""

    def leading_sets(self, index: int) -> list[bytes]:
        """Parameter sets that those who watch already are sent before the source's first packet, *index*."""
        return [unit for _kind, _number, unit in self.sets.at(index)] if self._bitstream.nal else []

    def inherited(self) -> tuple[ParameterSets, bool]:
        """For another numbering: the sets as they are now, and whether the last keyframe brought its own."""
        return self.sets.afresh(), self._keyframes.brings

    def flush(self, keep: Callable[[Packet], bool]) -> None:
        """No more comes of this source: what waits for its picture is kept, as it has its numbers already, and ends none."""
        for (index, timestamp, _marker, payload, exts, at), _flags in self._held:
            keep((index, timestamp, 0, payload, exts, at))
        self._held.clear()

    def add(self, packet: Packet, keep: Callable[[Packet], bool]) -> bool:
        """Have *packet* kept, now or with the next of its picture; whether a picture may have become whole by it."""
        index, timestamp, _marker, payload, exts, now = packet
        flags = self._bitstream.flags(payload)
        if flags & SETS:
            self.sets.take(self._bitstream.parameter_sets(payload), index)
            if self._codec == "H264" and (level := profile_level(payload)):
                self.profile_level = level
        if flags & OPENING and self._opens(packet, flags):
            # Encoders send parameter sets with a timestamp and a marker of their own. No decoder takes them for a picture, so
            # they are made the first packets of the one that follows.
            near = range(index + 1, index + 1 + NEAR)
            following = next((one for n in near if (one := self._history.get(n)) is not None), None)
            if following is None and index > self._history.last and len(self._held) < MAX_HELD:
                if not any(held[0] == index for held, _ in self._held):
                    self._held.append((packet, flags))
                return False
            if following is not None and (following[0] == index + 1 or packet[2]):
                packet = (index, following[1], 0, payload, exts, now)
        looked_at = bool(self._held) and not flags & OPENING and self._release(index, timestamp, keep)
        return (keep(packet) and self._saw(packet, flags)) or looked_at

    def _opens(self, packet: Packet, flags: int) -> bool:
        """Whether *packet*, which has no slice in it, is of the next picture and not at the end of one."""
        index = packet[0]
        if flags & SETS or (self._held and self._held[-1][0][0] == index - 1):
            return True
        before = self._history.get(index - 1)
        return before is not None and (bool(before[2]) or before[1] != packet[1])

    def _release(self, index: int, timestamp: int, keep: Callable[[Packet], bool]) -> bool:
        """What was held before *index* is of the picture of *timestamp*, as far as nothing is missing in between."""
        due = [one for one in self._held if one[0][0] < index]
        self._held = [one for one in self._held if one[0][0] > index]
        saw, near = False, index - 1
        for packet, _ in reversed(due):
            near -= packet[0] == near
        for (number, own, marker, payload, exts, at), flags in due:
            packet = (number, timestamp, 0, payload, exts, at)
            if number <= near and not marker:
                packet = (number, own, marker, payload, exts, at)
            saw = (keep(packet) and self._saw(packet, flags)) or saw
        return saw

    def _saw(self, packet: Packet, flags: int) -> bool:
        return bool(flags or self._keyframes.open) and self._keyframes.add(packet, flags)

    def new_keyframe(self, now: float) -> Keyframe | None:
        """The newest key picture that has become whole since it was asked last."""
        return self._keyframes.take_complete(self._history, self.sets, now)

    def packets_ahead(self, first: int) -> dict[int, Packet]:
        """The parameter sets in force where a group begins, by index, if the picture itself does not bring them all."""
        looked, history = self._bitstream, self._history
        head = history.get(first)
        if not looked.kinds or head is None:
            return {}
        carried: set[tuple[int, int]] = set()
        packet, last = history.get(first), first
        while packet is not None and packet[1] == head[1]:
            last = packet[0]
            if looked.flags(packet[3]) & SETS:
                carried.update((kind, number) for kind, number, _ in looked.parameter_sets(packet[3]))
            packet = history.get(last + 1)
        sets = self.sets.at(last)
        if carried.issuperset((kind, number) for kind, number, _ in sets):
            return {}
        if not looked.nal:
            return {first: (first, head[1], head[2], av1.with_header(head[3], sets[0][2]), head[4], head[5])}
        start = first - len(sets)
        return {n: (n, head[1], 0, unit, (), head[5]) for n, (_, _, unit) in enumerate(sets, start)}
