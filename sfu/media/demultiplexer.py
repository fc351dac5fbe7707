"""Which section of a publisher a packet belongs to: by its announced SSRC, else by its MID, else by its payload type.

SSRCs are learned once, and their number is bounded: those that are over make room for others. Repairs (RTX, RFC 4588) are unwrapped
here: what comes out is the place of the repeated packet in the stream that it repairs.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from sfu.media.incoming_rtp_stream import IncomingRtpStream
from sfu.media.incoming_section import IncomingSection
from sfu.wire.rtcp import Block
from sfu.wire.rtp import Header, extensions, find_extension

MAX_SSRCS: Final = 32
"""SSRCs of one publisher that are known at once."""
FORGET_AFTER: Final = 2.0
"""Seconds of silence after which an SSRC makes room for a new one; one that was replaced makes room at once."""
MOVE_AFTER: Final = 0.5
"""Seconds of silence after which an SSRC may turn up in another section, as those of a restarted encoder may."""
NAMED_WITHIN: Final = 300
"""Packets of a layer in which its name (RID) is looked for: senders repeat it until they know that it was received."""

Placed = tuple[IncomingSection, IncomingRtpStream, int, int, bool]
"""The section, the SSRC's stream, the sequence number there, where the payload starts, and whether it is a repair."""

_UNKNOWN: Final = (None, None)


class Demultiplexer:
    """Tells which section and SSRC of one publisher each packet is of, and learns the SSRCs that the offer did not name."""

    def __init__(self, sections: Sequence[IncomingSection]) -> None:
        self._sections = sections
        self._known: dict[int, tuple[IncomingSection, IncomingRtpStream]] = {}
        self._by_type = {section.media.payload_type: section for section in reversed(sections)}
        self._repairs: dict[int, int] = {}
        """Repair SSRC -> primary SSRC."""
        self._repair_types = {
            section.media.rtx_payload_type for section in sections if section.media.rtx_payload_type is not None
        }
        for section in sections:
            for ssrc in section.media.ssrcs:
                self._learn(ssrc, section, 0.0)
            self._repairs.update(section.media.rtx_ssrcs)

    def __len__(self) -> int:
        return len(self._known)

    def place(self, packet: bytes, header: Header, now: float) -> Placed | None:
        """Where *packet* belongs; None where no section was negotiated for it, or it is nothing but padding."""
        _marker, payload_type, sequence, _timestamp, ssrc, extension, start, _end = header
        section, incoming = self._known.get(ssrc, _UNKNOWN)
        if section is None or incoming is None or payload_type != section.media.payload_type:
            if payload_type in self._repair_types:
                return self._repair(packet, header, now)
            learned = self._unknown(ssrc, payload_type, packet, extension, start, now)
            if learned is None:
                return None
            section, incoming = learned
        if incoming.nameless and extension:
            incoming.nameless -= 1
            self._name(section, incoming, packet, extension, start)
        return section, incoming, sequence, start, False

    def find(self, ssrc: int) -> tuple[IncomingSection, IncomingRtpStream] | None:
        """The section and the stream of *ssrc*; None where it is not known, or is one of repairs."""
        return self._known.get(ssrc)

    def leave(self, ssrc: int, now: float) -> None:
        """Take the BYE of *ssrc*: it is over, though some of its packets may still be on their way."""
        known = self._known.get(ssrc)
        if known is None:
            self._repairs.pop(ssrc, None)
            return
        section, incoming = known
        section.leave(incoming, now)
        if section.active is not incoming and ssrc not in section.media.ssrcs:
            self._forget(ssrc)

    def layers(self, section: IncomingSection) -> list[IncomingRtpStream]:
        """The SSRCs of *section* that have sent something."""
        return [incoming for owner, incoming in self._known.values() if owner is section and incoming.received]

    def blocks(self, now: float) -> Iterator[tuple[Block, int]]:
        """A report block for each SSRC that still sends, and how many of its packets were lost in the report interval."""
        for section, incoming in self._known.values():
            if incoming.received and incoming.ssrc not in section.retired:
                yield incoming.block(now), incoming.missed

    def _learn(
        self, ssrc: int, section: IncomingSection, now: float
    ) -> tuple[IncomingSection, IncomingRtpStream] | None:
        if ssrc not in self._known and len(self._known) >= MAX_SSRCS and not self._make_room(now):
            return None
        incoming = IncomingRtpStream(ssrc, section.media.codec.clock_rate)
        if section.rid_id is not None and section.media.kind == "video":
            incoming.nameless = NAMED_WITHIN
        known = self._known[ssrc] = (section, incoming)
        return known

    def _make_room(self, now: float) -> bool:
        """Forget the SSRC that was silent for longest, where one is over; False where all are in use."""
        silent = [
            (incoming.at, ssrc)
            for ssrc, (section, incoming) in self._known.items()
            if incoming is not section.active
            and incoming is not section.next
            and (ssrc in section.retired or (incoming.received and now - incoming.at > FORGET_AFTER))
        ]
        if silent:
            self._forget(min(silent)[1])
        return bool(silent)

    def _forget(self, ssrc: int) -> None:
        section, _incoming = self._known.pop(ssrc)
        section.forget(ssrc)
        for repair in [repair for repair, primary in self._repairs.items() if primary == ssrc]:
            del self._repairs[repair]

    def _unknown(
        self, ssrc: int, payload_type: int, packet: bytes, extension: int, end: int, now: float
    ) -> tuple[IncomingSection, IncomingRtpStream] | None:
        """Learn *ssrc*, by the MID that its packet says, or by its payload type."""
        section = self._by_type.get(payload_type)
        if section is None:
            return None
        if extension and len(self._sections) > 1:
            values = dict(extensions(packet, extension, end))
            for other in self._sections:
                if (
                    other.mid_id is not None
                    and other.media.payload_type == payload_type
                    and values.get(other.mid_id) == other.media.mid.encode()
                ):
                    section = other
        known = self._known.get(ssrc)
        if known is not None:
            # Another section's: a restarted encoder drew this number again, or the sections changed theirs.
            owner, incoming = known
            if owner.active is incoming:
                if now - incoming.at < MOVE_AFTER:
                    return None
                owner.active = None
            self._forget(ssrc)
        self._repairs.pop(ssrc, None)
        return self._learn(ssrc, section, now)

    def _name(
        self, section: IncomingSection, incoming: IncomingRtpStream, packet: bytes, extension: int, end: int
    ) -> None:
        value = find_extension(packet, extension, end, section.rid_id or 0)
        if value:
            incoming.nameless = 0
            section.name(incoming.ssrc, value.decode("ascii", "replace"))

    def _repair(self, packet: bytes, header: Header, now: float) -> Placed | None:
        """Where the packet belongs that *packet*, a repair, repeats."""
        _marker, payload_type, _sequence, _timestamp, ssrc, extension, start, end = header
        if end - start < 2:
            return None  # padding: a probe of the available bandwidth
        sequence = packet[start] << 8 | packet[start + 1]
        primary = self._repairs.get(ssrc) or self._primary_of(ssrc, sequence, payload_type, packet, extension, start)
        known = self._known.get(primary)
        if known is None and primary:
            known = self._unknown(primary, self._type_of(payload_type), packet, 0, 0, now)
        if known is None:
            return None
        section, incoming = known
        return section, incoming, sequence, start + 2, True

    def _type_of(self, repair_type: int) -> int:
        return next(
            section.media.payload_type for section in self._sections if section.media.rtx_payload_type == repair_type
        )

    def _primary_of(
        self, ssrc: int, sequence: int, payload_type: int, packet: bytes, extension: int, start: int
    ) -> int:
        """The SSRC whose packet an unannounced repair repeats; 0 where it is of one of several layers and does not say which."""
        for section in self._sections:
            if section.media.rtx_payload_type != payload_type or section.active is None:
                continue
            if section.layered:
                return self._layer_of(section, ssrc, packet, extension, start)
            waiting = (one for one in (section.next, section.active) if one is not None and one.misses(sequence))
            repaired = next(waiting, None)
            if repaired is None:
                return section.active.ssrc  # it repeats what came: a probe
            self._learn_repair(ssrc, repaired.ssrc)
            return repaired.ssrc
        return 0

    def _layer_of(self, section: IncomingSection, ssrc: int, packet: bytes, extension: int, start: int) -> int:
        """The SSRC of the layer whose name the repair says; where it says none, the only one that there is, else 0."""
        layers = [one for one, (owner, _) in self._known.items() if owner is section and one not in section.retired]
        number = section.repaired_rid_id or 0
        rid = find_extension(packet, extension, start, number).decode("ascii", "replace") if extension else ""
        if not rid:
            return layers[0] if len(layers) == 1 else 0
        primary = next((one for one in layers if section.layers.rids.get(one) == rid), 0)
        if primary:
            self._learn_repair(ssrc, primary)
        return primary

    def _learn_repair(self, ssrc: int, primary: int) -> None:
        """Remember it, as later packets no longer say it."""
        if len(self._repairs) < 2 * MAX_SSRCS:
            self._repairs[ssrc] = primary
