"""RTP headers on the wire (RFC 3550, section 5; extensions RFC 8285).

All functions on bytes. A header is a plain tuple, because one is made for each packet that arrives; nothing here is
called per viewer.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Final

FIXED: Final = struct.Struct("!BBHII")
"""The 12 bytes that every RTP header has: flags, marker and payload type, sequence number, timestamp, SSRC."""

ONE_BYTE: Final = 0xBEDE
TWO_BYTE: Final = 0x1000
"""What an extension block begins with, by the form of its elements (RFC 8285, section 4)."""

Header = tuple[int, int, int, int, int, int, int, int]
"""marker (0 or 0x80), payload type, sequence, timestamp, SSRC, extension start (0: none), payload start, payload end."""

Extensions = tuple[tuple[str, bytes], ...]
"""(URI, value) of header extensions: their ids are a matter between two peers."""


def parse(packet: bytes) -> Header | None:
    """The header of *packet*, or None where its lengths contradict each other."""
    size = len(packet)
    if size < 12:
        return None
    first, second, sequence, timestamp, ssrc = FIXED.unpack_from(packet)
    if first >> 6 != 2:
        return None
    start = 12 + 4 * (first & 0x0F)
    extension = 0
    if first & 0x10:
        if size < start + 4:
            return None
        extension = start
        start += 4 + 4 * (packet[start + 2] << 8 | packet[start + 3])
    if size < start:
        return None
    end = size
    if first & 0x20:
        padding = packet[-1]
        if not padding or end - padding < start:
            return None
        end -= padding
    return second & 0x80, second & 0x7F, sequence, timestamp, ssrc, extension, start, end


def extensions(packet: bytes, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """(id, value) of each header extension in the block from *start* to *end*; a truncated tail ends the list."""
    profile = packet[start] << 8 | packet[start + 1]
    at = start + 4
    if profile == ONE_BYTE:
        while at < end:
            head = packet[at]
            at += 1
            if head == 0:
                continue
            number, length = head >> 4, (head & 0x0F) + 1
            if number == 15 or at + length > end:
                return
            yield number, packet[at : at + length]
            at += length
    elif profile & 0xFFF0 == TWO_BYTE:
        while at + 1 < end:
            number = packet[at]
            if number == 0:
                at += 1
                continue
            length = packet[at + 1]
            at += 2
            if at + length > end:
                return
            yield number, packet[at : at + length]
            at += length


def find_extension(packet: bytes, start: int, end: int, wanted: int) -> bytes:
    """The value of the header extension with id *wanted* in the block from *start* to *end*; empty where it is not there."""
    for number, value in extensions(packet, start, end):
        if number == wanted:
            return value
    return b""


def pack_extensions(values: Sequence[tuple[int, bytes]]) -> bytes:
    """The extension block (with its 4-byte head) for *values*: one-byte form where ids and lengths allow it."""
    if not values:
        return b""
    if all(number <= 14 and 1 <= len(value) <= 16 for number, value in values):
        profile = ONE_BYTE
        body = b"".join(bytes((number << 4 | len(value) - 1,)) + value for number, value in values)
    else:
        profile = TWO_BYTE
        body = b"".join(bytes((number, len(value))) + value for number, value in values)
    body += bytes(-len(body) % 4)
    return struct.pack("!HH", profile, len(body) // 4) + body


def extend(sequence: int, reference: int) -> int:
    """The extended number nearest to *reference* whose low 16 bits are *sequence* (RFC 3711, section 3.3.1)."""
    return reference + ((sequence - reference + 0x8000) & 0xFFFF) - 0x8000
