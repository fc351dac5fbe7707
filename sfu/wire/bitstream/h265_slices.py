"""What the slices of an H265 stream say of order: use as a reference, place in the order of showing (POC).

Parameter sets are kept by id, as slices name them; a slice is read up to `slice_pic_order_cnt_lsb` and no further
(H.265, sections 7.3.2.2, 7.3.2.3 and 7.3.6.1).
"""

from typing import Final

from sfu.wire.bitstream.bits import BitReader, rbsp
from sfu.wire.bitstream.h264_slices import NeededBy, SliceHeader
from sfu.wire.bitstream.h265 import AP, CRA, FIRST_IRAP, FU, IDR, LAST_IRAP, PPS, SPS, VPS, kind_of, units
from sfu.wire.bitstream.h265_sps import H265Sps, read_sps

VCL: Final = VPS
"""nal_unit_types below this one are slices (table 7-1)."""
_SUB_LAYER_NON_REFERENCE: Final = frozenset(range(0, 15, 2))
"""TRAIL_N, TSA_N, STSA_N, RADL_N, RASL_N and what is reserved beside them (table 7-1)."""
_HEAD: Final = 64

_Pps = tuple[int, bool, int]
"""seq_parameter_set_id, output_flag_present_flag, num_extra_slice_header_bits."""


class H265Slices:
    """Reads the slices of one H265 source, and remembers the parameter sets that they need."""

    __slots__ = ("_highest_layer", "_pps", "_sps")

    def __init__(self) -> None:
        self._sps: dict[int, H265Sps] = {}
        self._pps: dict[int, _Pps] = {}
        self._highest_layer = 0
        """The highest temporal layer that came: pictures of lower ones may be referred to whatever their type says."""

    def first_slice(self, payload: bytes) -> tuple[SliceHeader | None, NeededBy]:
        """The first slice that begins in *payload*, and what depends on the rest of it.

        Parameter sets in it are remembered. *payload* is an RTP packet's (RFC 7798, section 4.4).
        """
        if len(payload) < 3:
            return None, NeededBy.OTHERS
        kind = kind_of(payload)
        if kind == FU:
            kind = payload[2] & 0x3F
            begins = payload[2] & 0x80 and kind < VCL
            unit = next(units(payload), None) if begins else None
            head = None if unit is None else self.read(unit)
            return head, self._needed_by(kind, payload[1])
        head, needed_by = None, NeededBy.NOTHING
        for unit in units(payload) if kind == AP else (payload,):
            kind = kind_of(unit)
            if kind in (SPS, PPS):
                self.parameter_set(unit)
            elif kind < VCL and head is None:
                head = self.read(unit)
            if needed_by is not NeededBy.OTHERS:
                needed_by = self._needed_by(kind, unit[1])
        return head, needed_by

    def _needed_by(self, kind: int, layers: int) -> NeededBy:
        """What needs a unit of *kind*; *layers* is the second byte of its header, with nuh_temporal_id_plus1."""
        if kind >= VCL:
            return NeededBy.OTHERS if kind <= PPS else NeededBy.NOTHING
        if kind in _SUB_LAYER_NON_REFERENCE and (layers & 7) - 1 >= self._highest_layer:
            return NeededBy.PICTURE
        return NeededBy.OTHERS

    def parameter_set(self, unit: bytes) -> None:
        """Remember an SPS or a PPS; one that cannot be read changes nothing."""
        if unit[0] & 1 or unit[1] >> 3:  # a layer above the base (nuh_layer_id) is not sent to anybody
            return
        if kind_of(unit) == SPS:
            sps = read_sps(unit)
            if sps is not None:
                self._sps[sps.number] = sps
            return
        bits = BitReader(rbsp(unit[2:]))
        number, sps_id = bits.ue(), bits.ue()
        bits.skip(1)
        output_flag, extra_bits = bits.flag(), bits.read(3)
        if not bits.over and number < 64 and sps_id < 16:
            self._pps[number] = (sps_id, output_flag, extra_bits)

    def read(self, unit: bytes) -> SliceHeader | None:
        """What the first slice segment of a picture says; None for all others."""
        kind = kind_of(unit)
        irap = FIRST_IRAP <= kind <= LAST_IRAP
        self._highest_layer = max(self._highest_layer, (unit[1] & 7) - 1)
        bits = BitReader(rbsp(unit[2:_HEAD]))
        if not bits.flag():  # first_slice_segment_in_pic_flag
            return None
        bits.skip(irap)  # no_output_of_prior_pics_flag
        low, modulus = None, 0
        pps = self._pps.get(bits.ue())
        sps = self._sps.get(pps[0]) if pps is not None else None
        if pps is not None and sps is not None:
            _sps_id, output_flag, extra_bits = pps
            bits.skip(extra_bits)
            bits.ue()  # slice_type
            bits.skip(output_flag + 2 * sps.separate_colour_planes)
            low, modulus = 0 if kind in IDR else bits.read(sps.poc_bits), 1 << sps.poc_bits
        if bits.over:
            return None
        return not irap, self._needed_by(kind, unit[1]) is NeededBy.OTHERS, irap and kind < CRA, low, modulus
