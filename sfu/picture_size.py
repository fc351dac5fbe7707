"""How large a picture is, as its own bits say: what tells the layers of a simulcast apart when they carry next to nothing.

Pure. Looked at is the RTP payload with which a keyframe begins (VP8, RFC 6386, 9.1; VP9 bitstream, 6.2), or an SPS (H264,
7.3.2.1.1; H265, 7.3.2.2.1), or a sequence header (AV1, 5.5.1). Where a size is not found, layers are told apart by what they carry.
"""

from collections.abc import Iterator
from typing import Final

Size = tuple[int, int]
"""Width and height in pixels."""

_CHROMA_PROFILES: Final = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


def picture_size(codec: str, payload: bytes) -> Size | None:
    """The size that *payload* states, or None where it states none that we read."""
    if len(payload) < 4:
        return None
    try:
        match codec:
            case "H264":
                return _h264(payload)
            case "VP8":
                return _vp8(payload)
            case "VP9":
                return _vp9(payload)
            case "H265":
                return _h265(payload)
            case "AV1":
                return _av1(payload)
            case _:
                return None
    except IndexError:
        return None  # cut short


def is_parameter_set(codec: str, payload: bytes) -> bool:
    """Whether an H264 or H265 payload is one parameter set, delimiter or message, which belongs to the picture after it."""
    if not payload:
        return False
    if codec == "H264":
        return payload[0] & 0x1F in (6, 7, 8, 9)
    return codec == "H265" and payload[0] >> 1 & 0x3F in (32, 33, 34, 35, 39)


class Bits:
    """Reads a bit string from its front; IndexError beyond its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> int:
        """An unsigned number of *count* bits."""
        value = 0
        for _ in range(count):
            value = value << 1 | self._data[self._at >> 3] >> (7 - (self._at & 7)) & 1
            self._at += 1
        return value

    def golomb(self) -> int:
        """An unsigned Exp-Golomb code, `ue(v)`."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)

    def signed_golomb(self) -> int:
        """A signed Exp-Golomb code, `se(v)`."""
        code = self.golomb()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def _h264(payload: bytes) -> Size | None:
    kind = payload[0] & 0x1F
    if kind == 7:
        return _sps(payload)
    if kind == 24:
        return next((_sps(unit) for unit in _aggregated(payload, 1) if unit[0] & 0x1F == 7), None)
    return None


def _aggregated(payload: bytes, at: int) -> Iterator[bytes]:
    while at + 2 < len(payload):
        size = payload[at] << 8 | payload[at + 1]
        if not size:
            return
        yield payload[at + 2 : at + 2 + size]
        at += 2 + size


def _h265(payload: bytes) -> Size | None:
    kind = payload[0] >> 1 & 0x3F
    units = [payload] if kind == 33 else _aggregated(payload, 2) if kind == 48 else ()
    return next((_h265_sps(unit) for unit in units if unit[0] >> 1 & 0x3F == 33), None)


def _h265_sps(unit: bytes) -> Size:
    bits = Bits(unit[2:].replace(b"\0\0\3", b"\0\0"))
    bits.take(4)
    sub_layers = bits.take(3)
    bits.take(1 + 96)
    present = [(bits.take(1), bits.take(1)) for _ in range(8)][:sub_layers] if sub_layers else []
    for profile, level in present:
        bits.take(88 * profile + 8 * level)
    bits.golomb()
    if bits.golomb() == 3:
        bits.take(1)
    return bits.golomb(), bits.golomb()  # the whole coded picture; to compare layers, a margin is no matter


def _av1(payload: bytes) -> Size | None:
    """The first OBU after the aggregation header (RTP payload format for AV1, section 4.4), if it is a sequence header."""
    if payload[0] & 0x80:
        return None  # a fragment goes on
    at = 1
    if payload[0] >> 4 & 3 != 1:
        while payload[at] & 0x80:  # the length, LEB128
            at += 1
        at += 1
    head = payload[at]
    if head >> 3 & 0x0F != 1:
        return None
    at += 2 if head & 0x04 else 1
    if head & 0x02:
        while payload[at] & 0x80:
            at += 1
        at += 1
    return _av1_sequence(Bits(payload[at : at + 64]))


def _av1_sequence(bits: Bits) -> Size | None:
    bits.take(4)
    if bits.take(1):
        bits.take(5)
    else:
        if bits.take(1):
            return None  # timing information: nobody sends it in real time
        delays = bits.take(1)
        for _ in range(bits.take(5) + 1):
            bits.take(12)
            if bits.take(5) > 7:
                bits.take(1)
            if delays and bits.take(1):
                bits.take(4)
    across, down = bits.take(4) + 1, bits.take(4) + 1
    return bits.take(across) + 1, bits.take(down) + 1


def _sps(unit: bytes) -> Size:
    bits = Bits(unit[1:].replace(b"\0\0\3", b"\0\0"))
    profile = bits.take(8)
    bits.take(16)
    bits.golomb()
    chroma = _chroma(bits) if profile in _CHROMA_PROFILES else 1
    bits.golomb()
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1)
        bits.signed_golomb()
        bits.signed_golomb()
        for _ in range(min(bits.golomb(), 255)):
            bits.signed_golomb()
    bits.golomb()
    bits.take(1)
    width = 16 * (bits.golomb() + 1)
    rows = bits.golomb() + 1
    frames_only = bits.take(1)
    height = 16 * rows * (2 - frames_only)
    if not frames_only:
        bits.take(1)
    bits.take(1)
    if bits.take(1):
        across = 2 if chroma in (1, 2) else 1
        down = (2 if chroma == 1 else 1) * (2 - frames_only)
        width -= across * (bits.golomb() + bits.golomb())
        height -= down * (bits.golomb() + bits.golomb())
    return width, height


def _chroma(bits: Bits) -> int:
    """The chroma format of the richer profiles, and past what comes with it."""
    chroma = bits.golomb()
    bits.take(1 if chroma == 3 else 0)
    bits.golomb()
    bits.golomb()
    bits.take(1)
    if bits.take(1):
        for index in range(12 if chroma == 3 else 8):
            if bits.take(1):
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return chroma


def _skip_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed_golomb()) % 256
        last = following or last


def _vp8(payload: bytes) -> Size | None:
    """RFC 7741, section 4.2, then the frame header of a keyframe."""
    if payload[0] & 0x17 != 0x10:
        return None
    at = 1
    if payload[0] & 0x80:
        extended = payload[1]
        at = 2
        if extended & 0x80:
            at += 2 if payload[2] & 0x80 else 1
        at += bool(extended & 0x40) + bool(extended & 0x30)
    if payload[at] & 1 or payload[at + 3 : at + 6] != b"\x9d\x01\x2a":
        return None
    width = payload[at + 6] | payload[at + 7] << 8
    height = payload[at + 8] | payload[at + 9] << 8
    return width & 0x3FFF, height & 0x3FFF


def _vp9(payload: bytes) -> Size | None:
    """RFC 9628, section 4.2: the descriptor, then the uncompressed header of a keyframe."""
    first = payload[0]
    if not first & 0x08:
        return None
    at = 1
    if first & 0x80:
        at += 2 if payload[at] & 0x80 else 1
    if first & 0x20:
        at += 1 if first & 0x10 else 2
    if first & 0x50 == 0x50:
        while payload[at] & 1:
            at += 1
        at += 1
    if first & 0x02:
        at = _after_structure(payload, at)
    return _vp9_frame(Bits(payload[at : at + 24]))


def _vp9_frame(bits: Bits) -> Size | None:
    if bits.take(2) != 2:
        return None
    profile = bits.take(1) | bits.take(1) << 1
    bits.take(1 if profile == 3 else 0)
    if bits.take(1) or bits.take(1):  # shows an existing frame, or is not a keyframe
        return None
    bits.take(2)
    if bits.take(24) != 0x498342:
        return None
    bits.take(1 if profile >= 2 else 0)
    rgb = bits.take(3) == 7
    bits.take(0 if rgb else 1)
    if profile & 1:
        bits.take(1 if rgb else 3)
    return bits.take(16) + 1, bits.take(16) + 1


def _after_structure(payload: bytes, at: int) -> int:
    """The end of the scalability structure that begins at *at*."""
    head = payload[at]
    at += 1
    if head & 0x10:
        at += 4 * ((head >> 5) + 1)
    if head & 0x08:
        groups = payload[at]
        at += 1
        for _ in range(groups):
            at += 1 + (payload[at] >> 2 & 3)
    return at
