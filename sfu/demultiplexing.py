"""Which section of a publisher a packet is of: by its announced SSRC, else by its MID, else by its payload type.

SSRCs are learned once, and bounded. Repairs (RFC 4588) are found and unwrapped here: what comes out is a place in the
stream that they repair.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from sfu.reception import Reception
from sfu.rtcp import Block
from sfu.rtp import Header, extensions
from sfu.source import Source

MAX_SSRCS: Final = 32
"""Learned SSRCs of one publisher: more is an attack or a fault."""

Placed = tuple[Source, Reception, int, int, bool]
"""Section, SSRC's reception, sequence there, where the payload starts, whether it is a repair."""


class Demultiplexer:
    """The SSRCs of one publisher."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._known: dict[int, tuple[Source, Reception]] = {}
        self._repairs: dict[int, int] = {}
        """Repair SSRC -> primary SSRC."""
        for source in sources:
            for ssrc in source.media.ssrcs:
                self._learn(ssrc, source)
            self._repairs.update(source.media.rtx_ssrcs)

    def __len__(self) -> int:
        return len(self._known)

    def place(self, packet: bytes, header: Header) -> Placed | None:
        """Where *packet* belongs; None where nobody is to get it."""
        _marker, payload_type, sequence, _timestamp, ssrc, extension, start, end = header
        repaired = ssrc in self._repairs or self._is_repair(ssrc, payload_type)
        if repaired:
            if end - start < 2:
                return None  # padding: a probe of the available bandwidth
            ssrc = self._repairs.get(ssrc) or self._primary_of(ssrc, payload_type, packet, extension, start)
            if not ssrc:
                return None
            sequence = packet[start] << 8 | packet[start + 1]
        known = self._known.get(ssrc) or self._unknown(ssrc, payload_type, packet, extension, start)
        if known is None or (not repaired and payload_type != known[0].media.payload_type):
            return None
        return known[0], known[1], sequence, start + 2 * repaired, repaired

    def find(self, ssrc: int) -> tuple[Source, Reception] | None:
        """The section and the reception of a primary SSRC."""
        return self._known.get(ssrc)

    def layers(self, source: Source) -> list[Reception]:
        """What has arrived of *source*, by SSRC."""
        return [reception for owner, reception in self._known.values() if owner is source and reception.received]

    @property
    def lost(self) -> int:
        """Packets lost so far, as the last report blocks say."""
        return sum(reception.lost for _source, reception in self._known.values())

    def blocks(self, now: float) -> Iterator[Block]:
        """A report block for each SSRC that something came from."""
        return (reception.block(now) for _source, reception in self._known.values() if reception.received)

    def _learn(self, ssrc: int, source: Source) -> tuple[Source, Reception] | None:
        if len(self._known) >= MAX_SSRCS:
            return None
        known = self._known[ssrc] = (source, Reception(ssrc, source.media.codec.clock_rate))
        return known

    def _unknown(
        self, ssrc: int, payload_type: int, packet: bytes, extension: int, end: int
    ) -> tuple[Source, Reception] | None:
        values = dict(extensions(packet, extension, end)) if extension else {}
        for source in self._sources:
            named = source.mid_id is not None and values.get(source.mid_id) == source.media.mid.encode()
            if named:
                return self._learn_layer(ssrc, source, values)
        for source in self._sources:
            if source.media.payload_type == payload_type:
                return self._learn_layer(ssrc, source, values)
        return None

    def _learn_layer(self, ssrc: int, source: Source, values: dict[int, bytes]) -> tuple[Source, Reception] | None:
        known = self._learn(ssrc, source)
        if known is not None and source.rid_id in values:
            source.rids[ssrc] = values[source.rid_id].decode("ascii", "replace")
        return known

    def _is_repair(self, ssrc: int, payload_type: int) -> bool:
        if ssrc in self._known:
            return False
        return any(source.media.rtx_payload_type == payload_type for source in self._sources)

    def _primary_of(self, ssrc: int, payload_type: int, packet: bytes, extension: int, start: int) -> int:
        """Whose packet an unannounced repair repeats; 0 where one of several layers is meant and it does not say which."""
        for source in self._sources:
            if source.media.rtx_payload_type != payload_type or source.active is None:
                continue
            if sum(of is source for of, _ in self._known.values()) == 1:
                return source.active.ssrc
            values = dict(extensions(packet, extension, start)) if extension else {}
            rid = values.get(source.repaired_rid_id or 0, b"").decode("ascii", "replace")
            primary = next((layer for layer, name in source.rids.items() if name == rid), 0)
            if primary and len(self._repairs) < 2 * MAX_SSRCS:
                self._repairs[ssrc] = primary  # later packets no longer say it
            return primary
        return 0
