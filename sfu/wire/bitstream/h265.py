"""H265 in RTP (RFC 7798): the NAL units of a payload, and what their first bits say.

As in `sfu.wire.bitstream.h264`, only the first fragment of a fragmented unit is looked at.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from sfu.wire.bitstream.bits import BitReader, rbsp
from sfu.wire.bitstream.h264 import aggregated, from_base64
from sfu.wire.bitstream.h265_sps import read_sps, sps_id
from sfu.wire.bitstream.picture import KEY, OPENING, SETS, STARTS, ParameterSet, Size

FIRST_IRAP, CRA, LAST_IRAP = 16, 21, 23
IDR: Final = frozenset({19, 20})
"""IDR_W_RADL and IDR_N_LP (H.265, table 7-1)."""
VPS, SPS, PPS, AUD, PREFIX_SEI = 32, 33, 34, 35, 39
AP, FU = 48, 49
_OPENING: Final = frozenset({VPS, SPS, PPS, AUD, PREFIX_SEI})
_SPROP: Final = ("sprop-vps", "sprop-sps", "sprop-pps")


def kind_of(unit: bytes) -> int:
    """The nal_unit_type of *unit* (H.265, section 7.3.1.2)."""
    return unit[0] >> 1 & 0x3F


def units(payload: bytes) -> Iterator[bytes]:
    """The NAL units that begin in *payload*: whole, or the first fragment of one with its own header before it."""
    if len(payload) < 3:
        return
    kind = kind_of(payload)
    if kind == AP:
        yield from (unit for unit in aggregated(payload, 2) if len(unit) > 2)
    elif kind == FU:
        if payload[2] & 0x80:
            yield bytes((payload[0] & 0x81 | (payload[2] & 0x3F) << 1, payload[1])) + payload[3:]
    elif kind < AP:
        yield payload


def picture_flags(payload: bytes) -> int:
    """What *payload* says of its picture: flags of `sfu.wire.bitstream.picture`."""
    kind = kind_of(payload)
    if kind < FIRST_IRAP or (
        kind == FU and len(payload) > 2 and not (payload[2] & 0x80 and payload[2] & 0x3F >= FIRST_IRAP)
    ):
        return 0
    flags, opening = 0, kind != FU
    for n, unit in enumerate(units(payload)):
        kind = kind_of(unit)
        if FIRST_IRAP <= kind <= CRA:  # first_slice_segment_in_pic_flag (H.265, section 7.3.6.1)
            flags |= KEY * (len(unit) > 2 and unit[2] >> 7)
        elif VPS <= kind <= PPS:
            flags |= SETS
        if n == 0 and kind in (VPS, AUD):
            flags |= STARTS
        opening = opening and kind in _OPENING
    return flags | OPENING * (opening and kind >= VPS)


def parameter_sets(payload: bytes) -> Iterator[ParameterSet]:
    """The video, sequence and picture parameter sets that are whole in *payload*."""
    if len(payload) > 2 and kind_of(payload) != FU:
        for unit in units(payload):
            found = parameter_set(unit)
            if found is not None:
                yield found


def parameter_set(unit: bytes) -> ParameterSet | None:
    """*unit* as a parameter set (H.265, sections 7.3.2.1 to 7.3.2.3); None where it is none."""
    if len(unit) < 4:
        return None
    kind = kind_of(unit)
    if kind == VPS:
        return 0, unit[2] >> 4, unit
    if kind == PPS:
        return 2, BitReader(rbsp(unit[2:10])).ue(), unit
    return (1, sps_id(unit), unit) if kind == SPS else None


def picture_size(payload: bytes) -> Size | None:
    """The width and height that the first SPS in *payload* states; None where there is none."""
    if kind_of(payload) not in (SPS, AP):
        return None
    sps = next((read_sps(unit) for unit in units(payload) if kind_of(unit) == SPS), None)
    return None if sps is None else sps.size


def out_of_band(parameters: Mapping[str, str]) -> Iterator[ParameterSet]:
    """The sets in `sprop-vps`, `sprop-sps` and `sprop-pps` in an offer (RFC 7798, section 7.1)."""
    for name in _SPROP:
        for text in parameters.get(name, "").split(","):
            found = parameter_set(from_base64(text))
            if found is not None:
                yield found
