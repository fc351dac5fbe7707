"""Where a keyframe begins: a look into the payload of one RTP packet, by codec.

Pure. A packet counts as the begin of a keyframe when a decoder can start there: it carries parameter sets or an intra
picture's first bytes. Nothing is parsed beyond the few bytes that say so.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final


def _h264(payload: bytes) -> bool:
    kind = payload[0] & 0x1F
    if kind == 28:  # FU-A: only the first fragment begins a picture
        return len(payload) > 1 and bool(payload[1] & 0x80) and payload[1] & 0x1F in (5, 7)
    if kind == 24:
        return any(unit[0] & 0x1F in (5, 7) for unit in aggregated(payload, 1))
    return kind in (5, 7)


def _h265(payload: bytes) -> bool:
    kind = payload[0] >> 1 & 0x3F
    if kind == 49:
        return len(payload) > 2 and bool(payload[2] & 0x80) and _h265_intra(payload[2] & 0x3F)
    if kind == 48:
        return any(_h265_intra(unit[0] >> 1 & 0x3F) for unit in aggregated(payload, 2))
    return _h265_intra(kind)


def _h265_intra(kind: int) -> bool:
    """IRAP pictures (16-23) and the parameter sets before them (32-34), RFC 7798."""
    return 16 <= kind <= 23 or 32 <= kind <= 34


def aggregated(payload: bytes, start: int) -> Iterator[bytes]:
    """The NAL units of a STAP-A (RFC 6184, section 5.7.1) or AP (RFC 7798, section 4.4.2)."""
    at = start
    while at + 2 < len(payload):
        size = payload[at] << 8 | payload[at + 1]
        unit = payload[at + 2 : at + 2 + size]
        if not unit:
            return
        yield unit
        at += 2 + size


def _vp8(payload: bytes) -> bool:
    """RFC 7741, section 4.2: first partition's start, then the frame tag's inverse key bit."""
    if payload[0] & 0x17 != 0x10:
        return False
    at = 1
    if payload[0] & 0x80:
        if len(payload) < 2:
            return False
        extended = payload[1]
        at = 2
        if extended & 0x80:
            at += 2 if len(payload) > 2 and payload[2] & 0x80 else 1
        at += bool(extended & 0x40) + bool(extended & 0x30)
    return len(payload) > at and not payload[at] & 1


def _vp9(payload: bytes) -> bool:
    """RFC 9628, section 4.2: begin of a frame, not predicted from another, lowest spatial layer."""
    first = payload[0]
    if first & 0x48 != 0x08:
        return False
    if not first & 0x20:
        return True
    at = 1
    if first & 0x80:
        at += 2 if len(payload) > 1 and payload[1] & 0x80 else 1
    return len(payload) > at and not payload[at] & 0x0E


def _av1(payload: bytes) -> bool:
    """The N bit of the aggregation header: first packet of a coded video sequence."""
    return bool(payload[0] & 0x08)


_DETECTORS: Final[Mapping[str, Callable[[bytes], bool]]] = {
    "H264": _h264,
    "H265": _h265,
    "VP8": _vp8,
    "VP9": _vp9,
    "AV1": _av1,
}


def begins_keyframe(codec: str, payload: bytes) -> bool:
    """Whether a decoder of *codec* can start with this packet."""
    detector = _DETECTORS.get(codec)
    return bool(payload) and detector is not None and detector(payload)


def h264_profile_level(payload: bytes) -> str | None:
    """The profile-level-id of the SPS in this packet, which is the truth where the offer lies (whip-whep.md, P10)."""
    if not payload:
        return None
    kind = payload[0] & 0x1F
    units = [payload] if kind == 7 else aggregated(payload, 1) if kind == 24 else ()
    for unit in units:
        if unit[0] & 0x1F == 7 and len(unit) >= 4:
            return unit[1:4].hex()
    return None
