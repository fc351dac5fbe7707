"""H264's sequence parameter set (SPS): what the headers of slices need of it, and its picture size (H.264, section 7.3.2.1.1).

It is read up to the cropping of its pictures. What is no SPS, or ends before all that slices need is read, is None.
"""

from dataclasses import dataclass
from typing import Final

from sfu.wire.bitstream.bits import BitReader, rbsp
from sfu.wire.bitstream.picture import Size

_WITH_CHROMA: Final = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""profile_idc of the profiles whose SPS says the chroma format and scaling lists."""


@dataclass(frozen=True, slots=True)
class H264Sps:
    """What is read of one sequence parameter set."""

    number: int
    """seq_parameter_set_id, by which picture parameter sets name it."""
    separate_colour_planes: bool
    """separate_colour_plane_flag: a slice names its colour plane."""
    frame_num_bits: int
    """Length of frame_num in a slice, in bits."""
    poc_type: int
    """pic_order_cnt_type: 2 where pictures are shown in the order of decoding."""
    poc_bits: int
    """Length of pic_order_cnt_lsb in a slice; 0 where the type has none."""
    frames_only: bool
    """frame_mbs_only_flag: slices are of frames, never of fields."""
    size: Size | None
    """Width and height of the cropped picture; None where the SPS ends before it is said."""


def read_sps(unit: bytes) -> H264Sps | None:
    """What the SPS *unit* says; None where it is too short, or a number in it is beyond what H.264 allows."""
    bits = BitReader(rbsp(unit[1:]))
    profile = bits.read(8)
    bits.skip(16)
    number = bits.ue()
    chroma, separate_planes = _chroma(bits) if profile in _WITH_CHROMA else (1, False)
    frame_num_bits = bits.ue() + 4
    poc_type, poc_bits = _order(bits)
    bits.ue()  # max_num_ref_frames
    bits.skip(1)
    across, down, frames_only = bits.ue() + 1, bits.ue() + 1, bits.flag()
    if bits.over or number > 31 or frame_num_bits > 16 or poc_type > 2 or poc_bits > 16:
        return None
    coded = 16 * across, 16 * down * (2 - frames_only)
    return H264Sps(
        number,
        separate_planes,
        frame_num_bits,
        poc_type,
        poc_bits,
        frames_only,
        _cropped(bits, coded, chroma, frames_only=frames_only),
    )


def _chroma(bits: BitReader) -> tuple[int, bool]:
    """Read chroma_format_idc and separate_colour_plane_flag of the richer profiles, and pass what comes with them."""
    chroma = bits.ue()
    separate_planes = chroma == 3 and bits.flag()
    bits.ue()  # bit depths
    bits.ue()
    bits.skip(1)
    if bits.flag():
        for index in range(12 if chroma == 3 else 8):
            if bits.flag():
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return chroma, separate_planes


def _skip_scaling_list(bits: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _order(bits: BitReader) -> tuple[int, int]:
    """Read pic_order_cnt_type and the length of pic_order_cnt_lsb, and pass what comes with the type."""
    poc_type = bits.ue()
    if poc_type == 0:
        return poc_type, bits.ue() + 4
    if poc_type == 1:
        bits.skip(1)
        bits.se()
        bits.se()
        for _ in range(min(bits.ue(), 255)):
            bits.se()
    return poc_type, 0


def _cropped(bits: BitReader, coded: Size, chroma: int, *, frames_only: bool) -> Size | None:
    """What is left of the *coded* picture: cropping is stated in samples of chroma, and of each field."""
    bits.skip(1 if frames_only else 2)  # mb_adaptive_frame_field_flag, direct_8x8_inference_flag
    width, height = coded
    if bits.flag():
        across = 2 if chroma in (1, 2) else 1
        down = (2 if chroma == 1 else 1) * (2 - frames_only)
        width -= across * (bits.ue() + bits.ue())
        height -= down * (bits.ue() + bits.ue())
    return None if bits.over else (width, height)
