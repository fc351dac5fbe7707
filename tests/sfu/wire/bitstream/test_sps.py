"""Sequence parameter sets of real encoders (libx264, libx265) say what slices and layers need, and are None where they are cut."""

from dataclasses import replace

import pytest

from sfu.wire.bitstream import h264_sps, h265_sps
from tests.sfu.wire.bitstream.test_bits import golomb, packed
from tests.sfu.wire.bitstream.test_picture_size import BASELINE, CROPPED, H265, HIGH

HIGH_444 = "67f4000d919b282a10f1f1f080000003008000001e078a14cb"
LIKE_X264 = h264_sps.H264Sps(
    number=0, separate_colour_planes=False, frame_num_bits=4, poc_type=0, poc_bits=6, frames_only=True, size=None
)
H264_SETS = {
    BASELINE: replace(LIKE_X264, poc_type=2, poc_bits=0, size=(480, 270)),
    HIGH: replace(LIKE_X264, size=(320, 240)),
    CROPPED: replace(LIKE_X264, size=(1920, 1080)),
    HIGH_444: replace(LIKE_X264, size=(322, 242)),
}


@pytest.mark.parametrize("text", H264_SETS)
def test_an_h264_sps_is_read(text: str) -> None:
    """Whole; and cut anywhere, it says the same as far as slices need it, or nothing."""
    unit, whole = bytes.fromhex(text), H264_SETS[text]
    assert h264_sps.read_sps(unit) == whole
    for end in range(len(unit)):
        assert h264_sps.read_sps(unit[:end]) in (None, replace(whole, size=None), whole), end
    assert h264_sps.read_sps(unit[:6]) is None


def test_an_h265_sps_is_read() -> None:
    """Whole; and cut anywhere, it is the same or nothing."""
    unit, whole = (
        bytes.fromhex(H265),
        h265_sps.H265Sps(number=0, separate_colour_planes=False, poc_bits=8, size=(328, 248)),
    )
    assert h265_sps.read_sps(unit) == whole
    assert h265_sps.sps_id(unit) == 0
    for end in range(len(unit)):
        assert h265_sps.read_sps(unit[:end]) in (None, whole), end
    assert h265_sps.read_sps(unit[:20]) is None
    assert h265_sps.sps_id(unit[:4]) > 15, "no id that a slice names"


@pytest.mark.parametrize(
    ("codes", "allowed"),
    [
        ((0, 0, 0, 2), True),
        ((31, 12, 0, 12), True),
        ((32, 0, 0, 2), False),  # seq_parameter_set_id
        ((0, 13, 0, 2), False),  # 17 bits of frame_num
        ((0, 0, 0, 13), False),  # 17 bits of pic_order_cnt_lsb
        ((0, 0, 2), True),
        ((0, 0, 3), False),  # no such pic_order_cnt_type
    ],
)
def test_what_h264_does_not_allow_is_no_sps(codes: tuple[int, ...], *, allowed: bool) -> None:
    """No slice is read by it."""
    behind = golomb(1) + "0" + golomb(10) + golomb(7) + "11" + "01"
    unit = b"\x67\x42\xc0\x1f" + packed("".join(map(golomb, codes)) + behind)
    assert (h264_sps.read_sps(unit) is not None) is allowed
