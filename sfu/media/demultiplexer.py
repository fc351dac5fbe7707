"""Which section of a publisher a packet is of: by its announced SSRC, else by its MID, else by its payload type.

SSRCs are learned once, and bounded: those that are over make room for others. Repairs (RFC 4588) are found and unwrapped here: what comes out is a place in the
stream that they repair.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from sfu.media.incoming_rtp_stream import Reception
from sfu.media.incoming_section import Source
from sfu.wire.rtcp import Block
from sfu.wire.rtp import Header, extensions, find_extension

MAX_SSRCS: Final = 32
"""SSRCs of one publisher that are known at once."""
FORGET_AFTER: Final = 2.0
"""Seconds of silence after which an SSRC makes room for another, where there is none; one that was replaced, at once."""
MOVE_AFTER: Final = 0.5
"""Seconds of silence after which an SSRC may turn up in another section, as those of a restarted encoder may."""
NAMED_WITHIN: Final = 300
"""Packets of a layer in which its name is looked for: senders repeat it until they know that it was received."""

Placed = tuple[Source, Reception, int, int, bool]
"""Section, SSRC's reception, sequence there, where the payload starts, whether it is a repair."""


class Demultiplexer:
    """The SSRCs of one publisher."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._known: dict[int, tuple[Source, Reception]] = {}
        self._by_type = {source.media.payload_type: source for source in reversed(sources)}
        self._repairs: dict[int, int] = {}
        """Repair SSRC -> primary SSRC."""
        self._repair_types = {
            source.media.rtx_payload_type for source in sources if source.media.rtx_payload_type is not None
        }
        for source in sources:
            for ssrc in source.media.ssrcs:
                self._learn(ssrc, source, 0.0)
            self._repairs.update(source.media.rtx_ssrcs)

    def __len__(self) -> int:
        return len(self._known)

    def place(self, packet: bytes, header: Header, now: float) -> Placed | None:
        """Where *packet* belongs; None where nobody is to get it."""
        _marker, payload_type, sequence, _timestamp, ssrc, extension, start, _end = header
        known = self._known.get(ssrc)
        if known is None or payload_type != known[0].media.payload_type:
            if payload_type in self._repair_types:
                return self._repair(packet, header, now)
            known = self._unknown(ssrc, payload_type, packet, extension, start, now)
            if known is None:
                return None
        reception = known[1]
        if reception.nameless and extension:
            reception.nameless -= 1
            self._name(known[0], reception, packet, extension, start)
        return known[0], reception, sequence, start, False

    def find(self, ssrc: int) -> tuple[Source, Reception] | None:
        """The section and the reception of a primary SSRC."""
        return self._known.get(ssrc)

    def leave(self, ssrc: int, now: float) -> None:
        """A BYE of *ssrc*: it is over, though some of its packets may still be on their way."""
        known = self._known.get(ssrc)
        if known is None:
            self._repairs.pop(ssrc, None)
            return
        source, reception = known
        source.leave(reception, now)
        if source.active is not reception and ssrc not in source.media.ssrcs:
            self._forget(ssrc)

    def layers(self, source: Source) -> list[Reception]:
        """What has arrived of *source*, by SSRC."""
        return [reception for owner, reception in self._known.values() if owner is source and reception.received]

    def blocks(self, now: float) -> Iterator[tuple[Block, int]]:
        """A report block for each SSRC that is still sent, and how many of its packets were lost in the interval."""
        for source, reception in self._known.values():
            if reception.received and reception.ssrc not in source.retired:
                yield reception.block(now), reception.missed

    def _learn(self, ssrc: int, source: Source, now: float) -> tuple[Source, Reception] | None:
        if ssrc not in self._known and len(self._known) >= MAX_SSRCS and not self._make_room(now):
            return None
        reception = Reception(ssrc, source.media.codec.clock_rate)
        if source.rid_id is not None and source.media.kind == "video":
            reception.nameless = NAMED_WITHIN
        known = self._known[ssrc] = (source, reception)
        return known

    def _make_room(self, now: float) -> bool:
        """Forget the SSRC that was silent for longest, where one is over; False where all are in use."""
        silent = [
            (reception.at, ssrc)
            for ssrc, (source, reception) in self._known.items()
            if reception is not source.active
            and reception is not source.next
            and (ssrc in source.retired or (reception.received and now - reception.at > FORGET_AFTER))
        ]
        if silent:
            self._forget(min(silent)[1])
        return bool(silent)

    def _forget(self, ssrc: int) -> None:
        source, _reception = self._known.pop(ssrc)
        source.forget(ssrc)
        for repair in [repair for repair, primary in self._repairs.items() if primary == ssrc]:
            del self._repairs[repair]

    def _unknown(
        self, ssrc: int, payload_type: int, packet: bytes, extension: int, end: int, now: float
    ) -> tuple[Source, Reception] | None:
        """Learn *ssrc*, by the MID that its packet says, or by its payload type."""
        source = self._by_type.get(payload_type)
        if source is None:
            return None
        if extension and len(self._sources) > 1:
            values = dict(extensions(packet, extension, end))
            for other in self._sources:
                if (
                    other.mid_id is not None
                    and other.media.payload_type == payload_type
                    and values.get(other.mid_id) == other.media.mid.encode()
                ):
                    source = other
        known = self._known.get(ssrc)
        if known is not None:
            # Another section's: a restarted encoder drew this number again, or the sections changed theirs.
            if known[0].active is known[1] and now - known[1].at < MOVE_AFTER:
                return None
            if known[0].active is known[1]:
                known[0].active = None
            self._forget(ssrc)
        self._repairs.pop(ssrc, None)
        return self._learn(ssrc, source, now)

    def _name(self, source: Source, reception: Reception, packet: bytes, extension: int, end: int) -> None:
        value = find_extension(packet, extension, end, source.rid_id or 0)
        if value:
            reception.nameless = 0
            source.name(reception.ssrc, value.decode("ascii", "replace"))

    def _repair(self, packet: bytes, header: Header, now: float) -> Placed | None:
        """A repair: whose packet it repeats, and which."""
        _marker, payload_type, _sequence, _timestamp, ssrc, extension, start, end = header
        if end - start < 2:
            return None  # padding: a probe of the available bandwidth
        sequence = packet[start] << 8 | packet[start + 1]
        primary = self._repairs.get(ssrc) or self._primary_of(ssrc, sequence, payload_type, packet, extension, start)
        known = self._known.get(primary)
        if known is None and primary:
            known = self._unknown(primary, self._type_of(payload_type), packet, 0, 0, now)
        return None if known is None else (known[0], known[1], sequence, start + 2, True)

    def _type_of(self, repair_type: int) -> int:
        return next(
            source.media.payload_type for source in self._sources if source.media.rtx_payload_type == repair_type
        )

    def _primary_of(
        self, ssrc: int, sequence: int, payload_type: int, packet: bytes, extension: int, start: int
    ) -> int:
        """Whose packet an unannounced repair repeats; 0 where one of several layers is meant and it does not say which."""
        for source in self._sources:
            if source.media.rtx_payload_type != payload_type or source.active is None:
                continue
            if source.layered:
                return self._layer_of(source, ssrc, packet, extension, start)
            waiting = (one for one in (source.next, source.active) if one is not None and one.misses(sequence))
            repaired = next(waiting, None)
            if repaired is None:
                return source.active.ssrc  # it repeats what came: a probe
            self._learn_repair(ssrc, repaired.ssrc)
            return repaired.ssrc
        return 0

    def _layer_of(self, source: Source, ssrc: int, packet: bytes, extension: int, start: int) -> int:
        """The layer whose name the repair says; where it says none, the only one there is."""
        layers = [one for one, (owner, _) in self._known.items() if owner is source and one not in source.retired]
        number = source.repaired_rid_id or 0
        rid = find_extension(packet, extension, start, number).decode("ascii", "replace") if extension else ""
        if not rid:
            return layers[0] if len(layers) == 1 else 0
        primary = next((one for one in layers if source.rids.get(one) == rid), 0)
        if primary:
            self._learn_repair(ssrc, primary)
        return primary

    def _learn_repair(self, ssrc: int, primary: int) -> None:
        """Later packets no longer say it."""
        if len(self._repairs) < 2 * MAX_SSRCS:
            self._repairs[ssrc] = primary
