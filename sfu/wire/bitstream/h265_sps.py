"""H265's sequence parameter set (SPS): what the headers of slices need of it, and its picture size (H.265, section 7.3.2.2.1).

It is read up to the length of POC's low bits. What is no SPS, or ends before that, is None.
"""

from dataclasses import dataclass

from sfu.wire.bitstream.bits import BitReader, rbsp
from sfu.wire.bitstream.picture import Size


@dataclass(frozen=True, slots=True)
class H265Sps:
    """What is read of one sequence parameter set."""

    number: int
    """sps_seq_parameter_set_id, by which picture parameter sets name it."""
    separate_colour_planes: bool
    """separate_colour_plane_flag: a slice names its colour plane."""
    poc_bits: int
    """Length of slice_pic_order_cnt_lsb in a slice, in bits."""
    size: Size
    """Width and height of the whole coded picture; layers are compared by it, so margins do not matter."""


def sps_id(unit: bytes) -> int:
    """sps_seq_parameter_set_id alone, whatever follows it; 2**32 - 1 where the SPS ends before it."""
    return _behind_levels(unit).ue()


def read_sps(unit: bytes) -> H265Sps | None:
    """What the SPS *unit* says; None where it is too short, or a number in it is beyond what H.265 allows."""
    bits = _behind_levels(unit)
    number = bits.ue()
    separate_planes = bits.ue() == 3 and bits.flag()
    size = bits.ue(), bits.ue()
    if bits.flag():  # conformance_window_flag
        for _ in range(4):
            bits.ue()
    bits.ue()  # bit depths
    bits.ue()
    poc_bits = bits.ue() + 4
    return None if bits.over or number > 15 or poc_bits > 16 else H265Sps(number, separate_planes, poc_bits, size)


def _behind_levels(unit: bytes) -> BitReader:
    """A reader of *unit* that stands behind the profiles and levels of all sub-layers (H.265, section 7.3.3)."""
    bits = BitReader(rbsp(unit[2:]))
    bits.skip(4)
    sub_layers = bits.read(3)
    bits.skip(1 + 88 + 8)  # sps_temporal_id_nesting_flag, the general profile, tier and level
    present = [(bits.read(1), bits.read(1)) for _ in range(sub_layers)]
    if sub_layers:
        bits.skip(2 * (8 - sub_layers))
    for profile, level in present:
        bits.skip(88 * profile + 8 * level)
    return bits
