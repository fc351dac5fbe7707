"""The RTCP that a browser-like peer sends and understands (RFC 3550, RFC 4585): values and bytes, no state."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206
NTP_EPOCH = 2208988800


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of a compound: its type, the count or format field, and what follows the first word."""

    kind: int
    count: int
    body: bytes

    @property
    def ssrc(self) -> int:
        """The SSRC of the packet's sender."""
        return int.from_bytes(self.body[:4], "big")


def parse(compound: bytes) -> Iterator[Packet]:
    """The packets of a compound, until the first one that is cut short."""
    at = 0
    while at + 4 <= len(compound):
        first, kind, words = struct.unpack_from("!BBH", compound, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2 or end > len(compound):
            return
        yield Packet(kind, first & 31, compound[at + 4 : end])
        at = end


def ntp(wall: float) -> int:
    """A wall-clock time as a 64-bit NTP timestamp."""
    return int((wall + NTP_EPOCH) * (1 << 32))


def sender_report(ssrc: int, *, wall: float, timestamp: int, packets: int, octets: int) -> bytes:
    """An SR without report blocks."""
    return _packet(SR, 0, struct.pack("!IQIII", ssrc, ntp(wall), timestamp, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF))


@dataclass(frozen=True, slots=True)
class SenderReport:
    """What a peer's SR says."""

    ssrc: int
    wall: float
    timestamp: int
    packets: int
    octets: int


def read_sender_report(packet: Packet) -> SenderReport | None:
    """The fields of an SR, or None when it is cut short."""
    if packet.kind != SR or len(packet.body) < 24:
        return None
    ssrc, time, timestamp, packets, octets = struct.unpack_from("!IQIII", packet.body)
    return SenderReport(ssrc, time / (1 << 32) - NTP_EPOCH, timestamp, packets, octets)


def receiver_report(ssrc: int, blocks: Iterable[tuple[int, int, int]]) -> bytes:
    """An RR; each block is (source, packets lost so far, extended highest sequence number)."""
    reports = [
        struct.pack("!IIIIII", source, min(max(lost, 0), 0x7FFFFF), highest & 0xFFFFFFFF, 0, 0, 0)
        for source, lost, highest in blocks
    ]
    return _packet(RR, len(reports), struct.pack("!I", ssrc) + b"".join(reports))


def source_description(ssrc: int, cname: str) -> bytes:
    """An SDES with the CNAME."""
    item = struct.pack("!IBB", ssrc, 1, len(cname)) + cname.encode() + b"\0"
    return _packet(SDES, 1, item + bytes(-len(item) % 4))


def nack(ssrc: int, source: int, lost: Iterable[int]) -> bytes:
    """A generic NACK for the sequence numbers *lost* (RFC 4585, section 6.2.1)."""
    body = struct.pack("!II", ssrc, source)
    pid: int | None = None
    mask = 0
    for seq in sorted({s & 0xFFFF for s in lost}):
        if pid is not None and seq - pid <= 16:
            mask |= 1 << (seq - pid - 1)
            continue
        if pid is not None:
            body += struct.pack("!HH", pid, mask)
        pid, mask = seq, 0
    if pid is not None:
        body += struct.pack("!HH", pid, mask)
    return _packet(RTPFB, 1, body)


def read_nack(packet: Packet) -> tuple[int, list[int]] | None:
    """(source, sequence numbers) of a generic NACK, or None when it is something else."""
    if packet.kind != RTPFB or packet.count != 1 or len(packet.body) < 12:
        return None
    lost: list[int] = []
    for at in range(8, len(packet.body) - 3, 4):
        pid, mask = struct.unpack_from("!HH", packet.body, at)
        lost.append(pid)
        lost += [(pid + 1 + bit) & 0xFFFF for bit in range(16) if mask >> bit & 1]
    return int.from_bytes(packet.body[4:8], "big"), lost


def picture_loss(ssrc: int, source: int) -> bytes:
    """A Picture Loss Indication (RFC 4585, 6.3.1)."""
    return _packet(PSFB, 1, struct.pack("!II", ssrc, source))


def is_keyframe_request(packet: Packet) -> bool:
    """Whether *packet* is a PLI or a FIR."""
    return packet.kind == PSFB and packet.count in (1, 4)


def is_remb(packet: Packet) -> bool:
    """REMB (application layer feedback with that name)."""
    return packet.kind == PSFB and packet.count == 15 and packet.body[8:12] == b"REMB"


def bye(*ssrcs: int) -> bytes:
    """A BYE for all of *ssrcs*."""
    return _packet(BYE, len(ssrcs), struct.pack(f"!{len(ssrcs)}I", *ssrcs))


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body
