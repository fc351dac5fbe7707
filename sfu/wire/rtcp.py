"""RTCP packets on the wire (RFC 3550, section 6; RFC 4585; REMB after draft-alvestrand-rmcat-remb).

Bytes become small tuples, and tuples bytes. Reading is lenient: what is truncated or unknown is skipped, never an exception,
because whoever sent it holds the keys of its own session only.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

SR: Final = 200
RR: Final = 201
SDES: Final = 202
BYE: Final = 203
RTPFB: Final = 205
PSFB: Final = 206

NACK: Final = 1
PLI: Final = 1
FIR: Final = 4
APPLICATION: Final = 15

MAX_NACKS: Final = 512
"""Sequence numbers taken from one compound: more than a second of any stream that we carry at 5 % loss."""

Block = tuple[int, int, int, int, int, int, int]
"""A report block: SSRC, fraction lost (of 256), packets lost, extended highest sequence, jitter, LSR, DLSR."""


def packets(compound: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The packets of *compound*: (packet type, report count or feedback format, body after the first 4 bytes) of each."""
    at, size = 0, len(compound)
    while at + 4 <= size:
        if compound[at] >> 6 != 2:
            return
        end = at + 4 + 4 * (compound[at + 2] << 8 | compound[at + 3])
        if end > size:
            return
        body = compound[at + 4 : end]
        if compound[at] & 0x20 and body and body[-1] <= len(body):
            body = body[: len(body) - body[-1]]
        yield compound[at + 1], compound[at] & 0x1F, body
        at = end


def sender_info(body: bytes) -> tuple[int, int, int, int, int] | None:
    """SSRC, NTP timestamp, RTP timestamp, packets and octets of a sender report's body; None where it is truncated."""
    return struct.unpack_from("!IQIII", body) if len(body) >= 24 else None


def report_blocks(kind: int, count: int, body: bytes) -> Iterator[Block]:
    """The report blocks in the body of an SR or RR, as *kind* says, that announces *count* of them."""
    at = 24 if kind == SR else 4
    for _ in range(count):
        if at + 24 > len(body):
            return
        ssrc, loss, highest, jitter, lsr, dlsr = struct.unpack_from("!IIIIII", body, at)
        lost = loss & 0xFFFFFF
        yield ssrc, loss >> 24, lost - (1 << 24) if lost & 0x800000 else lost, highest, jitter, lsr, dlsr
        at += 24


def leaving(count: int, body: bytes) -> tuple[int, ...]:
    """The SSRCs that a BYE says to be over (RFC 3550, section 6.6)."""
    count = min(count, len(body) // 4)
    return struct.unpack_from(f"!{count}I", body)


def nacked(body: bytes) -> tuple[int, list[int]]:
    """The media SSRC and the sequence numbers that a generic NACK asks for, at most MAX_NACKS (RFC 4585, section 6.2.1)."""
    if len(body) < 8:
        return 0, []
    wanted: list[int] = []
    for at in range(8, len(body) - 3, 4):
        first, mask = struct.unpack_from("!HH", body, at)
        wanted.append(first)
        wanted.extend((first + bit + 1) & 0xFFFF for bit in range(16) if mask >> bit & 1)
        if len(wanted) >= MAX_NACKS:
            break
    return struct.unpack_from("!I", body, 4)[0], wanted[:MAX_NACKS]


def keyframe_targets(kind: int, body: bytes) -> list[int]:
    """The media SSRCs that a PLI or FIR, as *kind* says, asks for a keyframe."""
    if len(body) < 8:
        return []
    if kind == PLI:
        return [struct.unpack_from("!I", body, 4)[0]]
    return [struct.unpack_from("!I", body, at)[0] for at in range(8, len(body) - 7, 8)]


def _packet(count: int, kind: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def sender_report(
    ssrc: int, ntp: int, timestamp: int, packet_count: int, octet_count: int, blocks: Sequence[Block] = ()
) -> bytes:
    """A sender report, SR (RFC 3550, section 6.4.1): at *ntp* the RTP timestamp of *ssrc* was *timestamp*."""
    head = struct.pack("!IQIII", ssrc, ntp, timestamp & 0xFFFFFFFF, packet_count & 0xFFFFFFFF, octet_count & 0xFFFFFFFF)
    return _packet(len(blocks), SR, head + _blocks(blocks))


def receiver_report(ssrc: int, blocks: Sequence[Block]) -> bytes:
    """A receiver report, RR (RFC 3550, section 6.4.2), from *ssrc*."""
    return _packet(len(blocks), RR, struct.pack("!I", ssrc) + _blocks(blocks))


def _blocks(blocks: Sequence[Block]) -> bytes:
    return b"".join(
        struct.pack("!IIIIII", ssrc, (fraction & 0xFF) << 24 | lost & 0xFFFFFF, highest & 0xFFFFFFFF, jitter, lsr, dlsr)
        for ssrc, fraction, lost, highest, jitter, lsr, dlsr in blocks
    )


def description(ssrcs: Iterable[int], cname: str) -> bytes:
    """An SDES that gives all *ssrcs* one *cname*, so that a player keeps them in sync (RFC 3550, section 6.5)."""
    text = cname.encode()[:255]
    item = bytes((1, len(text))) + text + b"\0"
    chunks = [struct.pack("!I", ssrc) + item + bytes(-len(item) % 4) for ssrc in ssrcs]
    return _packet(len(chunks), SDES, b"".join(chunks))


def bye(ssrcs: Sequence[int]) -> bytes:
    """A BYE that says up to 31 *ssrcs* to be over (RFC 3550, section 6.6)."""
    return _packet(len(ssrcs), BYE, struct.pack(f"!{len(ssrcs)}I", *ssrcs))


def nack(sender: int, media: int, sequences: Sequence[int]) -> bytes:
    """A generic NACK (RFC 4585, section 6.2.1) for *sequences* of *media*, in ascending order of extended number."""
    pairs: list[tuple[int, int]] = []
    for sequence in sequences:
        if pairs and 0 < (distance := (sequence - pairs[-1][0]) & 0xFFFF) <= 16:
            pairs[-1] = (pairs[-1][0], pairs[-1][1] | 1 << (distance - 1))
        else:
            pairs.append((sequence & 0xFFFF, 0))
    return _packet(
        NACK, RTPFB, struct.pack("!II", sender, media) + b"".join(struct.pack("!HH", *pair) for pair in pairs)
    )


def picture_loss(sender: int, media: int) -> bytes:
    """A PLI, which asks *media* for a keyframe (RFC 4585, section 6.3.1)."""
    return _packet(PLI, PSFB, struct.pack("!II", sender, media))


def full_intra_request(sender: int, media: int, number: int) -> bytes:
    """A FIR, which asks *media* for a keyframe (RFC 5104, section 4.3.1); *number* rises with each new request."""
    return _packet(FIR, PSFB, struct.pack("!IIIB3x", sender, 0, media, number & 0xFF))


def maximum_bitrate(sender: int, bitrate: int, ssrcs: Sequence[int]) -> bytes:
    """A REMB: *ssrcs* together may be *bitrate* bits a second (draft-alvestrand-rmcat-remb, section 2.2)."""
    exponent = max(0, bitrate.bit_length() - 18)
    mantissa = bitrate >> exponent
    body = struct.pack("!II4sBBH", sender, 0, b"REMB", len(ssrcs), exponent << 2 | mantissa >> 16, mantissa & 0xFFFF)
    return _packet(APPLICATION, PSFB, body + struct.pack(f"!{len(ssrcs)}I", *ssrcs))
