"""Where in a video track a decoder can begin, and the parameter sets that it needs there.

Encoders send parameter sets as they like: with each keyframe, once, in the offer alone, with timestamps and markers of their own.
What viewers get is the same for all: sets belong to the picture after them, and a group of pictures has its sets.
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
"""Packets that wait for the picture that they open."""
NEAR: Final = 8
"""Packets after one that opens a picture in which the picture's own are looked for."""


class StartPoints:
    """Finds the keyframes of one source of video, whose packets are kept in *history*, and knows its parameter sets.

    *codec* is what was negotiated; *sets* are the source's parameter sets, where more is known of them than the offer says.
    """

    def __init__(self, codec: Codec, history: History, sets: ParameterSets | None = None) -> None:
        self._codec = codec.name
        self._headers = header_reader(codec.name)
        self._keyframes = KeyframeAssembly(self._headers)
        self._history = history
        self.sets = ParameterSets(self._headers.out_of_band(codec.parameters)) if sets is None else sets
        """The parameter sets of the source."""
        self.profile_level: str | None = None
        """H264: the profile-level-id that the SPS says, in hexadecimal digits."""
        self._held: list[tuple[Packet, int]] = []
        """Packets that open a picture, with the flags of what they say, until another packet tells the picture's timestamp."""

    def leading_sets(self, index: int) -> list[bytes]:
        """Parameter sets to send those who watch already, before the source's first packet *index*."""
        return [unit for _kind, _number, unit in self.sets.at(index)] if self._headers.nal else []

    def inherited(self) -> tuple[ParameterSets, bool]:
        """What the next source of the same encoder begins with: the sets, and whether the last keyframe brought its own."""
        return self.sets.afresh(), self._keyframes.brings

    def flush(self, keep: Callable[[Packet], bool]) -> None:
        """Keep what waits for its picture, as no more comes of this source; it has its numbers already, and ends none."""
        for (index, timestamp, _marker, payload, extensions, arrived), _flags in self._held:
            keep((index, timestamp, 0, payload, extensions, arrived))
        self._held.clear()

    def add(self, packet: Packet, keep: Callable[[Packet], bool]) -> bool:
        """Have *packet* kept, now or with the next of its picture; whether a keyframe may have become whole by it."""
        index, timestamp, marker, payload, extensions, arrived = packet
        flags = self._headers.flags(payload)
        if flags & SETS:
            self.sets.take(self._headers.parameter_sets(payload), index)
            if self._codec == "H264" and (level := profile_level(payload)):
                self.profile_level = level
        if flags & OPENING and self._opens(index, timestamp, flags):
            # Encoders send parameter sets with a timestamp and a marker of their own. No decoder takes them for a picture, so
            # they are made the first packets of the one that follows.
            near = range(index + 1, index + 1 + NEAR)
            following = next((one for n in near if (one := self._history.get(n)) is not None), None)
            if following is not None:
                next_index, next_timestamp, _marker, _payload, _extensions, _arrived = following
                if next_index == index + 1 or marker:
                    packet = (index, next_timestamp, 0, payload, extensions, arrived)
            elif index > self._history.last and len(self._held) < MAX_HELD:
                self._hold(packet, flags)
                return False
        seen = bool(self._held) and not flags & OPENING and self._release(index, timestamp, keep)
        return (keep(packet) and self._look_at(packet, flags)) or seen

    def _hold(self, packet: Packet, flags: int) -> None:
        index, _timestamp, _marker, _payload, _extensions, _arrived = packet
        if all(index != held for (held, *_rest), _flags in self._held):
            self._held.append((packet, flags))

    def _opens(self, index: int, timestamp: int, flags: int) -> bool:
        """Whether the packet *index*, which has no slice in it, is of the next picture and not at the end of one."""
        if flags & SETS:
            return True
        if self._held:
            (held, *_rest), _flags = self._held[-1]
            if held == index - 1:
                return True
        before = self._history.get(index - 1)
        if before is None:
            return False
        _index, timestamp_before, marker_before, _payload, _extensions, _arrived = before
        return bool(marker_before) or timestamp_before != timestamp

    def _release(self, index: int, timestamp: int, keep: Callable[[Packet], bool]) -> bool:
        """Keep what was held before *index* as the picture of *timestamp*, as far as nothing is missing in between."""
        due, later = [], []
        for held in self._held:
            (number, *_rest), _flags = held
            if number < index:
                due.append(held)
            elif number > index:
                later.append(held)
        self._held = later
        seen, near = False, index - 1
        for (number, *_rest), _flags in reversed(due):
            near -= number == near
        for (number, own, marker, payload, extensions, arrived), flags in due:
            packet = (number, timestamp, 0, payload, extensions, arrived)
            if number <= near and not marker:
                packet = (number, own, marker, payload, extensions, arrived)
            seen = (keep(packet) and self._look_at(packet, flags)) or seen
        return seen

    def _look_at(self, packet: Packet, flags: int) -> bool:
        return bool(flags or self._keyframes.open) and self._keyframes.add(packet, flags)

    def new_keyframe(self, now: float) -> Keyframe | None:
        """The newest keyframe that has become whole since the last call; None where there is none."""
        return self._keyframes.take_complete(self._history, self.sets, now)

    def packets_ahead(self, first: int) -> dict[int, Packet]:
        """What a decoder needs besides to begin at index *first*, by index: the parameter sets that the picture lacks.

        They have the indices before *first*; AV1's are put into the packet *first* itself.
        """
        headers, history = self._headers, self._history
        head = history.get(first)
        if not headers.kinds or head is None:
            return {}
        _index, timestamp, marker, first_payload, extensions, arrived = head
        carried: set[tuple[int, int]] = set()
        packet, last = history.get(first), first
        while packet is not None:
            index, own, _marker, payload, _extensions, _arrived = packet
            if own != timestamp:
                break
            last = index
            if headers.flags(payload) & SETS:
                carried.update((kind, number) for kind, number, _unit in headers.parameter_sets(payload))
            packet = history.get(last + 1)
        sets = self.sets.at(last)
        if carried.issuperset((kind, number) for kind, number, _unit in sets):
            return {}
        if not headers.nal:
            _kind, _number, sequence_header = sets[0]
            with_header = av1.with_header(first_payload, sequence_header)
            return {first: (first, timestamp, marker, with_header, extensions, arrived)}
        start = first - len(sets)
        return {n: (n, timestamp, 0, unit, (), arrived) for n, (_kind, _number, unit) in enumerate(sets, start)}
