"""VP9 in RTP (RFC 9628): where a frame begins, and whether its own header says key frame.

Pure. The descriptor's P bit is not believed: encoders leave it 0 for every frame.
"""

from sfu.bits import Bits
from sfu.picture import KEY, STARTS


def frame(payload: bytes) -> tuple[int, int]:
    """Where the frame's data begin behind the payload descriptor (section 4.2), and the spatial layer."""
    first, at, layer, size = payload[0], 1, 0, len(payload)
    if first & 0x80:  # I: picture id
        at += 2 if size > at and payload[at] & 0x80 else 1
    if first & 0x20:  # L: layer indices
        layer = payload[at] >> 1 & 7 if size > at else 0
        at += 1 if first & 0x10 else 2
    if first & 0x50 == 0x50:  # F and P: up to three references
        while at < size and payload[at] & 1:
            at += 1
        at += 1
    if first & 0x02 and at < size:  # V: scalability structure
        at = _structure(payload, at)
    return at, layer


def _structure(payload: bytes, at: int) -> int:
    head, size = payload[at], len(payload)
    at += 1
    if head & 0x10:  # Y: a resolution for each spatial layer
        at += 4 * ((head >> 5) + 1)
    if head & 0x08 and at < size:  # G: a group of pictures
        pictures = payload[at]
        at += 1
        for _ in range(pictures):
            at += 1 + (payload[at] >> 2 & 3 if at < size else 0)
    return at


def look(payload: bytes) -> int:
    """The lowest spatial layer's first packet has the uncompressed header (VP9 bitstream, section 6.2)."""
    if not payload[0] & 0x08:
        return 0
    at, layer = frame(payload)
    return KEY | STARTS if layer == 0 and is_key(payload[at : at + 2]) else 0


def is_key(header: bytes) -> bool:
    """frame_marker, profile (with a reserved bit in profile 3), show_existing_frame, frame_type."""
    bits = Bits(header)
    marker, low, high = bits.read(2), bits.read(1), bits.read(1)
    if low and high:
        bits.skip(1)
    existing, other = bits.read(1), bits.read(1)
    return marker == 2 and not existing and not other and not bits.over
