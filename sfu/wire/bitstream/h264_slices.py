"""What the slices of an H264 stream say of order: type, use as a reference, place in the order of showing (POC).

Parameter sets are kept by id, as slices name them; a slice is read up to `pic_order_cnt_lsb` and no further
(H.264, sections 7.3.2.1, 7.3.2.2 and 7.3.3).
"""

from enum import Enum
from typing import Final

from sfu.wire.bitstream.bits import BitReader, rbsp
from sfu.wire.bitstream.h264 import FU_A, IDR, PPS, RECOVERY_POINT, SEI, SLICE, SPS, STAP_A, slice_header, units
from sfu.wire.bitstream.h264_sps import H264Sps, read_sps

_REFERENCE: Final = 0x60
"""nal_ref_idc: 0 where no picture refers to what is in the unit."""
_RECOVERY_POINT: Final = bytes((SEI, RECOVERY_POINT))
"""The begin of an SEI that says where decoding may start (H.264, section D.2.8)."""
_B: Final = 1


class NeededBy(Enum):
    """What could not be decoded without a packet in which no slice begins."""

    NOTHING = "nothing"
    """Nothing: the packet only describes the picture that follows (SEI, delimiter)."""
    PICTURE = "picture"
    """The picture that the packet is a piece of, and no other."""
    OTHERS = "others"
    """Other pictures too, or a decoder that starts there."""


SliceHeader = tuple[bool, bool, bool, int | None, int]
"""Whether it is of B type, whether others may refer to it, whether it begins anew (IDR), POC's low bits (None: unknown), and their
modulus (1: the order of decoding is the order of showing)."""


class H264Slices:
    """Reads the slices of one H264 source, and remembers the parameter sets that they need."""

    __slots__ = ("_pps", "_sps")

    def __init__(self) -> None:
        self._sps: dict[int, H264Sps] = {}
        self._pps: dict[int, int] = {}
        """pic_parameter_set_id -> seq_parameter_set_id."""

    def first_slice(self, payload: bytes) -> tuple[SliceHeader | None, NeededBy]:
        """The first slice that begins in *payload*, and what depends on the rest of it.

        Parameter sets in it are remembered. *payload* is an RTP packet's (RFC 6184, section 5.2).
        """
        if len(payload) < 2:
            return None, NeededBy.OTHERS
        kind = payload[0] & 0x1F
        if kind == FU_A:
            begins = payload[1] & 0x80 and SLICE <= payload[1] & 0x1F <= IDR
            unit = next(units(payload), None) if begins else None
            head = None if unit is None else self.read(unit)
            return head, NeededBy.OTHERS if payload[0] & _REFERENCE else NeededBy.PICTURE
        head, needed_by = None, NeededBy.NOTHING
        for unit in units(payload) if kind == STAP_A else (payload,):
            kind = unit[0] & 0x1F
            if kind in (SPS, PPS):
                self.parameter_set(unit)
            elif SLICE <= kind <= IDR and head is None:
                head = self.read(unit)
            if unit[0] & _REFERENCE or unit[:2] == _RECOVERY_POINT:
                needed_by = NeededBy.OTHERS
        return head, needed_by

    def parameter_set(self, unit: bytes) -> None:
        """Remember an SPS or a PPS; one that cannot be read changes nothing."""
        if unit[0] & 0x1F == SPS:
            sps = read_sps(unit)
            if sps is not None:
                self._sps[sps.number] = sps
            return
        bits = BitReader(rbsp(unit[1:]))
        number, sps_id = bits.ue(), bits.ue()
        if not bits.over and number < 256 and sps_id < 32:
            self._pps[number] = sps_id

    def read(self, unit: bytes) -> SliceHeader | None:
        """What the slice that *unit* begins says; None where it is too short to say anything."""
        _first_mb, slice_type, pps_id, bits = slice_header(unit)
        idr = unit[0] & 0x1F == IDR
        low, modulus = None, 0
        sps = self._sps.get(self._pps.get(pps_id, -1))
        if sps is not None:
            bits.skip(2 * sps.separate_colour_planes + sps.frame_num_bits)
            if not sps.frames_only and bits.flag():  # field_pic_flag
                bits.skip(1)
            if idr:
                bits.ue()  # idr_pic_id
            low, modulus = 0 if sps.poc_type == 2 else None, 1
            if sps.poc_type == 0:
                low, modulus = bits.read(sps.poc_bits), 1 << sps.poc_bits
        if bits.over:
            return None
        return slice_type % 5 == _B, bool(unit[0] & _REFERENCE), idr, low, modulus
