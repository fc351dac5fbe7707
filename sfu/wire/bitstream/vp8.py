"""VP8 in RTP (RFC 7741): where a frame begins, whether its own header says key frame, and its size."""

from sfu.wire.bitstream.picture import KEY, STARTS, Size


def frame(payload: bytes) -> int:
    """The offset of the frame's data behind the payload descriptor (section 4.2)."""
    if not payload[0] & 0x80:
        return 1
    if len(payload) < 2:
        return len(payload)
    extended = payload[1]
    at = 2
    if extended & 0x80:
        at += 2 if len(payload) > 2 and payload[2] & 0x80 else 1
    return at + bool(extended & 0x40) + bool(extended & 0x30)


def picture_flags(payload: bytes) -> int:
    """What *payload* says of its picture: the frame tag begins it, whose lowest bit is 0 for a key frame (RFC 6386, 9.1)."""
    if payload[0] & 0x17 != 0x10:
        return 0
    at = frame(payload)
    if len(payload) <= at or payload[at] & 1:
        return 0
    whole = len(payload) >= at + 6
    return 0 if whole and payload[at + 3 : at + 6] != b"\x9d\x01\x2a" else KEY | STARTS


def picture_size(payload: bytes) -> Size | None:
    """The size that the header of a key frame states behind its start code (RFC 6386, section 9.1); None in other packets."""
    if not picture_flags(payload):
        return None
    at = frame(payload) + 6
    if len(payload) < at + 4:
        return None
    width, height = payload[at] | payload[at + 1] << 8, payload[at + 2] | payload[at + 3] << 8
    return width & 0x3FFF, height & 0x3FFF
