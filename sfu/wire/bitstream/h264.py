"""H264 in RTP (RFC 6184): the NAL units of a payload, and what their first bits say.

Of a fragmented unit only the first fragment is looked at: it has the unit's header and what follows it.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Final

from sfu.wire.bitstream.bits import BitReader, rbsp
from sfu.wire.bitstream.h264_sps import read_sps
from sfu.wire.bitstream.picture import KEY, OPENING, RECOVERY, SETS, STARTS, ParameterSet, Size

SLICE, IDR, SEI, SPS, PPS, AUD = 1, 5, 6, 7, 8, 9
STAP_A, FU_A = 24, 28
RECOVERY_POINT: Final = 6
"""payloadType of a recovery point SEI message (H.264, D.1.8)."""
_OPENING: Final = frozenset({SEI, SPS, PPS, AUD, 13, 14, 15})
"""Units that come before the slices of a picture (H.264, section 7.4.1.2.3)."""
_HEADER: Final = 64
"""Bytes of a slice in which what is read of its header ends."""


def units(payload: bytes) -> Iterator[bytes]:
    """The NAL units that begin in *payload*: whole, or the first fragment of one with its own header before it."""
    if not payload:
        return
    kind = payload[0] & 0x1F
    if kind == STAP_A:
        yield from aggregated(payload, 1)
    elif kind == FU_A:
        if len(payload) > 2 and payload[1] & 0x80:
            yield bytes((payload[0] & 0xE0 | payload[1] & 0x1F,)) + payload[2:]
    elif 0 < kind < STAP_A:
        yield payload


def aggregated(payload: bytes, start: int) -> Iterator[bytes]:
    """The NAL units of a STAP-A (RFC 6184, section 5.7.1) or AP (RFC 7798, section 4.4.2) from *start* on."""
    at = start
    while at + 2 < len(payload):
        size = payload[at] << 8 | payload[at + 1]
        unit = payload[at + 2 : at + 2 + size]
        if not unit:
            return
        yield unit
        at += 2 + size


def picture_flags(payload: bytes) -> int:
    """What *payload* says of its picture: flags of `sfu.wire.bitstream.picture`."""
    kind = payload[0] & 0x1F
    if kind == SLICE or (kind == FU_A and len(payload) > 1 and (not payload[1] & 0x80 or payload[1] & 0x1F == SLICE)):
        return 0  # most packets of a stream: no need to look closer
    flags, opening = 0, kind != FU_A
    for n, unit in enumerate(units(payload)):
        kind = unit[0] & 0x1F
        if kind == IDR:
            flags |= KEY * (slice_header(unit)[0] == 0)
        elif kind in (SPS, PPS):
            flags |= SETS
        elif kind == SEI and recovery_frames(unit) is not None:
            flags |= RECOVERY
        if n == 0 and kind in (SPS, AUD):
            flags |= STARTS
        opening = opening and kind in _OPENING
    return flags | OPENING * opening


def slice_header(unit: bytes) -> tuple[int, int, int, BitReader]:
    """first_mb_in_slice, slice_type and pic_parameter_set_id of a slice (H.264, section 7.3.3), and what follows them.

    *unit* is of kind 1, 2 or 5; what is returned last is at `colour_plane_id`.
    """
    bits = BitReader(rbsp(unit[1:_HEADER]))
    return bits.ue(), bits.ue(), bits.ue(), bits


def recovery_frames(unit: bytes) -> int | None:
    """recovery_frame_cnt of an SEI unit: after so many pictures the picture is right; None: no recovery point."""
    body = rbsp(unit[1:])
    at = 0
    while at + 1 < len(body):
        kind = size = 0
        while at < len(body) and body[at] == 0xFF:
            kind, at = kind + 255, at + 1
        kind, at = kind + (body[at] if at < len(body) else 0), at + 1
        while at < len(body) and body[at] == 0xFF:
            size, at = size + 255, at + 1
        size, at = size + (body[at] if at < len(body) else 0), at + 1
        if kind == RECOVERY_POINT and at < len(body):
            return BitReader(body[at : at + size]).ue()
        at += size
    return None


def parameter_sets(payload: bytes) -> Iterator[ParameterSet]:
    """The sequence and picture parameter sets that are whole in *payload*."""
    if payload and payload[0] & 0x1F == FU_A:
        return
    for unit in units(payload):
        found = parameter_set(unit)
        if found is not None:
            yield found


def parameter_set(unit: bytes) -> ParameterSet | None:
    """*unit* as a parameter set, None where it is none; an SPS has its id after three bytes, a PPS at once."""
    kind = unit[0] & 0x1F
    if kind == SPS and len(unit) > 4:
        return 0, BitReader(rbsp(unit[4:12])).ue(), unit
    if kind == PPS and len(unit) > 1:
        return 1, BitReader(rbsp(unit[1:9])).ue(), unit
    return None


def out_of_band(parameters: Mapping[str, str]) -> Iterator[ParameterSet]:
    """The sets in `sprop-parameter-sets` of an offer (RFC 6184, section 8.1); what is no parameter set is passed over."""
    for text in parameters.get("sprop-parameter-sets", "").split(","):
        unit = from_base64(text)
        found = parameter_set(unit) if unit else None
        if found is not None:
            yield found


def from_base64(text: str) -> bytes:
    """The bytes that *text* encodes, none where it is no base64."""
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def profile_level(payload: bytes) -> str | None:
    """The profile-level-id of the SPS in *payload*, which is right where the offer says another one."""
    unit = _whole_sps(payload)
    return unit[1:4].hex() if len(unit) >= 4 else None


def picture_size(payload: bytes) -> Size | None:
    """The width and height that the first SPS in *payload* states; None where there is none."""
    unit = _whole_sps(payload)
    sps = read_sps(unit) if unit else None
    return None if sps is None else sps.size


def _whole_sps(payload: bytes) -> bytes:
    """The first SPS in *payload*; nothing where there is none, as in most packets."""
    kind = payload[0] & 0x1F if payload else 0
    if kind == STAP_A:
        return next((unit for unit in units(payload) if unit[0] & 0x1F == SPS), b"")
    return payload if kind == SPS else b""
