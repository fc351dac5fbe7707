"""What the slices of an H265 stream say of order: use as a reference, place in the order of showing (POC).

Pure. Parameter sets are kept by id, as slices name them; a slice is read up to `slice_pic_order_cnt_lsb` and no further
(H.265, sections 7.3.2.2, 7.3.2.3 and 7.3.6.1).
"""

from typing import Final

from sfu.bitreader import BitReader, TruncatedError
from sfu.h264 import aggregated
from sfu.h264_slices import SliceHead, Weight

FIRST_IRAP: Final = 16
LAST_IRAP: Final = 23
CRA: Final = 21
SPS: Final = 33
PPS: Final = 34
AP: Final = 48
FU: Final = 49
VCL: Final = 32
"""Below: slices."""
_SUB_LAYER_NON_REFERENCE: Final = frozenset(range(0, 15, 2))
"""TRAIL_N, TSA_N, STSA_N, RADL_N, RASL_N and what is reserved beside them (table 7-1)."""
_HEAD: Final = 64

_Pps = tuple[int, bool, int]
"""seq_parameter_set_id, output_flag_present_flag, num_extra_slice_header_bits."""


class H265Slices:
    """Reads the slices of one source."""

    __slots__ = ("_highest_layer", "_pps", "_sps")

    def __init__(self) -> None:
        self._sps: dict[int, tuple[bool, int]] = {}
        """separate_colour_plane_flag, bits of slice_pic_order_cnt_lsb."""
        self._pps: dict[int, _Pps] = {}
        self._highest_layer = 0
        """The highest temporal layer that came: pictures of lower ones may be referred to whatever their type says."""

    def look(self, payload: bytes) -> tuple[SliceHead | None, Weight]:
        """The first slice that begins in *payload*, and what depends on the rest of it.

        Parameter sets in it are remembered. *payload* is an RTP packet's (RFC 7798, section 4.4).
        """
        if len(payload) < 3:
            return None, Weight.REFERENCE
        kind = payload[0] >> 1 & 0x3F
        if kind == FU:
            kind = payload[2] & 0x3F
            unit = bytes((payload[0] & 0x81 | kind << 1, payload[1]))
            begins = payload[2] & 0x80 and kind < VCL
            return self.read(unit + payload[3:_HEAD]) if begins else None, self._weight(unit)
        units = aggregated(payload, 2) if kind == AP else (payload,)
        head, weight = None, Weight.DESCRIPTION
        for unit in units:
            if len(unit) < 2:
                continue
            kind = unit[0] >> 1 & 0x3F
            if kind in (SPS, PPS):
                self.parameter_set(unit)
            elif kind < VCL and head is None:
                head = self.read(unit)
            if weight is not Weight.REFERENCE:
                weight = self._weight(unit)
        return head, weight

    def _weight(self, unit: bytes) -> Weight:
        kind = unit[0] >> 1 & 0x3F
        if kind >= VCL:
            return Weight.REFERENCE if kind <= PPS else Weight.DESCRIPTION
        if kind in _SUB_LAYER_NON_REFERENCE and (unit[1] & 7) - 1 >= self._highest_layer:
            return Weight.PICTURE
        return Weight.REFERENCE

    def parameter_set(self, unit: bytes) -> None:
        """Remember an SPS or a PPS; one that cannot be read changes nothing."""
        if len(unit) < 3 or (
            unit[0] & 1 or unit[1] >> 3
        ):  # a layer above the base (nuh_layer_id) is not sent to anybody
            return
        try:
            if unit[0] >> 1 & 0x3F == SPS:
                number, sps = _read_sps(unit)
                self._sps[number] = sps
            else:
                reader = BitReader(unit[2:])
                number, sps_id = reader.unsigned(), reader.unsigned()
                reader.skip(1)
                if number < 64 and sps_id < 16:
                    self._pps[number] = (sps_id, reader.flag(), reader.bits(3))
        except TruncatedError:
            return

    def read(self, unit: bytes) -> SliceHead | None:
        """What the first slice segment of a picture says; None for all others."""
        if len(unit) < 3:
            return None
        kind, layer = unit[0] >> 1 & 0x3F, (unit[1] & 7) - 1
        irap = FIRST_IRAP <= kind <= LAST_IRAP
        anew = irap and kind < CRA
        self._highest_layer = max(self._highest_layer, layer)
        reader = BitReader(unit[2:_HEAD])
        try:
            if not reader.flag():
                return None
            if irap:
                reader.skip(1)
            pps = self._pps.get(reader.unsigned())
            sps = self._sps.get(pps[0]) if pps is not None else None
            if pps is None or sps is None:
                return not irap, self._weight(unit) is Weight.REFERENCE, anew, None, 0
            reader.skip(pps[2])
            reader.unsigned()  # slice_type
            reader.skip(pps[1] + 2 * sps[0])
            poc = 0 if 19 <= kind <= 20 else reader.bits(sps[1])
        except TruncatedError:
            return None
        return not irap, self._weight(unit) is Weight.REFERENCE, anew, poc, 1 << sps[1]


def _read_sps(unit: bytes) -> tuple[int, tuple[bool, int]]:
    reader = BitReader(unit[2:])
    reader.skip(4)
    sub_layers = reader.bits(3)
    reader.skip(1 + 96)  # temporal_id_nesting, the general profile, tier and level
    present = [(reader.flag(), reader.flag()) for _ in range(sub_layers)]
    if sub_layers:
        reader.skip(2 * (8 - sub_layers))
    for profile, level in present:
        reader.skip(88 * profile + 8 * level)
    number = reader.unsigned()
    separate_planes = reader.unsigned() == 3 and reader.flag()
    reader.unsigned()
    reader.unsigned()
    if reader.flag():
        for _ in range(4):
            reader.unsigned()
    reader.unsigned()
    reader.unsigned()
    poc_bits = reader.unsigned() + 4
    if number > 15 or poc_bits > 16:
        raise TruncatedError
    return number, (separate_planes, poc_bits)
