"""VP9 in RTP (RFC 9628): where a frame begins, whether its own header says key frame, and its size.

The descriptor's P bit is not believed: encoders leave it 0 for every frame.
"""

from typing import Final

from sfu.wire.bitstream.bits import BitReader
from sfu.wire.bitstream.picture import KEY, STARTS, Size

_SYNC: Final = 0x498342
"""frame_sync_code (VP9 bitstream, section 6.2.1)."""
_RGB: Final = 7


def frame(payload: bytes) -> tuple[int, int]:
    """The offset of the frame's data behind the payload descriptor (section 4.2), and the spatial layer."""
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


def picture_flags(payload: bytes) -> int:
    """What *payload* says of its picture: the lowest layer's first packet has the uncompressed header (VP9, section 6.2)."""
    if not payload[0] & 0x08:
        return 0
    at, layer = frame(payload)
    return KEY | STARTS if layer == 0 and is_key(payload[at : at + 2]) else 0


def is_key(header: bytes) -> bool:
    """Whether an uncompressed header begins here, and it is that of a key frame."""
    return _key_profile(BitReader(header)) is not None


def picture_size(payload: bytes) -> Size | None:
    """The size that a key frame's uncompressed header states, of whatever spatial layer (VP9 bitstream, section 6.2)."""
    if not payload[0] & 0x08:
        return None
    at, _layer = frame(payload)
    bits = BitReader(payload[at : at + 24])
    profile = _key_profile(bits)
    if profile is None:
        return None
    bits.skip(2)  # show_frame, error_resilient_mode
    if bits.read(24) != _SYNC:
        return None
    bits.skip(profile >= 2)  # ten_or_twelve_bit
    rgb = bits.read(3) == _RGB
    if not rgb:
        bits.skip(1)  # color_range
    if profile & 1:
        bits.skip(1 if rgb else 3)  # subsampling, a reserved bit
    size = bits.read(16) + 1, bits.read(16) + 1
    return None if bits.over else size


def _key_profile(bits: BitReader) -> int | None:
    """The profile of a key frame; None of others. frame_marker, profile, show_existing_frame, frame_type are read."""
    marker, profile = bits.read(2), bits.read(2)
    profile = profile >> 1 | (profile & 1) << 1  # its low bit comes first
    if profile == 3:
        bits.skip(1)  # reserved_zero
    key = bits.read(2) == 0
    return profile if marker == 2 and key and not bits.over else None
