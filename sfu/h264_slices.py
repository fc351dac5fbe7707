"""What the slices of an H264 stream say of order: type, use as a reference, place in the order of showing (POC).

Pure. Parameter sets are kept by id, as slices name them; a slice is read up to `pic_order_cnt_lsb` and no further
(H.264, sections 7.3.2.1, 7.3.2.2 and 7.3.3).
"""

from enum import Enum
from typing import Final

from sfu.bitreader import BitReader, TruncatedError
from sfu.h264 import aggregated

SLICE: Final = 1
IDR: Final = 5
SPS: Final = 7
PPS: Final = 8
STAP_A: Final = 24
FU_A: Final = 28
_REFERENCE: Final = 0x60
"""nal_ref_idc: 0 where no picture refers to what is in the unit."""
_RECOVERY_POINT: Final = b"\x06\x06"
"""The begin of an SEI that says where decoding may start (H.264, section D.2.8)."""
_B: Final = 1
_HEAD: Final = 64
"""Bytes of a slice that hold all that is read of it."""
_WITH_CHROMA: Final = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""profile_idc of the profiles whose SPS says the chroma format and scaling lists."""


class Weight(Enum):
    """What would miss a packet in which no slice begins."""

    DESCRIPTION = "description"
    """Nothing: it only describes the picture that follows (SEI, delimiter)."""
    PICTURE = "picture"
    """The picture that it is a piece of, and no other."""
    REFERENCE = "reference"
    """Other pictures, or a decoder that starts."""


SliceHead = tuple[bool, bool, bool, int | None, int]
"""Is it of B type, may others refer to it, does it begin anew (IDR), POC's low bits (None: unknown), their modulus (1: order
of decoding is order of showing)."""

_Sps = tuple[bool, int, int, int, bool]
"""separate_colour_plane_flag, bits of frame_num, pic_order_cnt_type, bits of pic_order_cnt_lsb, frame_mbs_only_flag."""


class H264Slices:
    """Reads the slices of one source."""

    __slots__ = ("_pps", "_sps")

    def __init__(self) -> None:
        self._sps: dict[int, _Sps] = {}
        self._pps: dict[int, int] = {}
        """pic_parameter_set_id -> seq_parameter_set_id."""

    def look(self, payload: bytes) -> tuple[SliceHead | None, Weight]:
        """The first slice that begins in *payload*, and what depends on the rest of it.

        Parameter sets in it are remembered. *payload* is an RTP packet's (RFC 6184, section 5.2).
        """
        if len(payload) < 2:
            return None, Weight.REFERENCE
        kind = payload[0] & 0x1F
        if kind == FU_A:
            begins = payload[1] & 0x80 and SLICE <= payload[1] & 0x1F <= IDR
            head = self.read(bytes((payload[0] & 0xE0 | payload[1] & 0x1F,)) + payload[2:_HEAD]) if begins else None
            return head, Weight.REFERENCE if payload[0] & _REFERENCE else Weight.PICTURE
        units = aggregated(payload, 1) if kind == STAP_A else (payload,)
        head, weight = None, Weight.DESCRIPTION
        for unit in units:
            kind = unit[0] & 0x1F
            if kind in (SPS, PPS):
                self.parameter_set(unit)
            elif SLICE <= kind <= IDR and head is None:
                head = self.read(unit)
            if unit[0] & _REFERENCE or unit[:2] == _RECOVERY_POINT:
                weight = Weight.REFERENCE
        return head, weight

    def parameter_set(self, unit: bytes) -> None:
        """Remember an SPS or a PPS; one that cannot be read changes nothing."""
        try:
            if unit[0] & 0x1F == SPS:
                number, sps = _read_sps(unit)
                self._sps[number] = sps
            else:
                reader = BitReader(unit[1:])
                number, sps_id = reader.unsigned(), reader.unsigned()
                if number < 256 and sps_id < 32:
                    self._pps[number] = sps_id
        except TruncatedError:
            return

    def read(self, unit: bytes) -> SliceHead | None:
        """What the slice that *unit* begins says; None where it is too short to say anything."""
        header = unit[0]
        reader = BitReader(unit[1:_HEAD])
        try:
            reader.unsigned()  # first_mb_in_slice
            is_b = reader.unsigned() % 5 == _B
            pps_id = reader.unsigned()
            idr = header & 0x1F == IDR
            sps = self._sps.get(self._pps.get(pps_id, -1))
            if sps is None:
                return is_b, bool(header & _REFERENCE), idr, None, 0
            separate_planes, frame_num_bits, poc_type, poc_bits, frames_only = sps
            reader.skip(2 * separate_planes + frame_num_bits)
            if not frames_only and reader.flag():  # field_pic_flag
                reader.skip(1)
            if idr:
                reader.unsigned()  # idr_pic_id
            if poc_type == 0:
                return is_b, bool(header & _REFERENCE), idr, reader.bits(poc_bits), 1 << poc_bits
            return is_b, bool(header & _REFERENCE), idr, 0 if poc_type == 2 else None, 1
        except TruncatedError:
            return None


def _read_sps(unit: bytes) -> tuple[int, _Sps]:
    reader = BitReader(unit[1:])
    profile = reader.bits(8)
    reader.skip(16)
    number = reader.unsigned()
    separate_planes = False
    if profile in _WITH_CHROMA:
        chroma = reader.unsigned()
        if chroma == 3:
            separate_planes = reader.flag()
        reader.unsigned()
        reader.unsigned()
        reader.skip(1)
        if reader.flag():
            _skip_scaling_lists(reader, 12 if chroma == 3 else 8)
    frame_num_bits = reader.unsigned() + 4
    poc_type = reader.unsigned()
    poc_bits = 0
    if poc_type == 0:
        poc_bits = reader.unsigned() + 4
    elif poc_type == 1:
        reader.skip(1)
        reader.signed()
        reader.signed()
        for _ in range(min(reader.unsigned(), 255)):
            reader.signed()
    if number > 31 or frame_num_bits > 16 or poc_bits > 16 or poc_type > 2:
        raise TruncatedError
    reader.unsigned()  # max_num_ref_frames
    reader.skip(1)
    reader.unsigned()
    reader.unsigned()
    return number, (separate_planes, frame_num_bits, poc_type, poc_bits, reader.flag())


def _skip_scaling_lists(reader: BitReader, lists: int) -> None:
    for index in range(lists):
        if not reader.flag():
            continue
        last = following = 8
        for _ in range(16 if index < 6 else 64):
            if following:
                following = (last + reader.signed()) % 256
            last = following or last
