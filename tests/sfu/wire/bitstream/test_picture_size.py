"""The size of a picture is read from what real encoders write (libx264, libx265, libvpx, and libaom's layout), and from nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.wire.bitstream.picture import Size
from sfu.wire.bitstream.picture_size import picture_size

HIGH = "6764000dacd94141fa10000003001000000303c0f1429960"
CROPPED = "67640028acd940780227e584000003000400000300f03c60c658"
BASELINE = "6742c015d901e08fea10000003000003000003003c0f162e48"
H265 = "42010101600000030090000003000003003ca00a480f9c9265959a4932b9a020000003002000000303c1"
VP8_FRAME = "f014009d012a4201f2000047"
VP9_FRAME = "824983420014100f160038241c184a00005061f630000067"
AV1_SEQUENCE = "0a0b00000024c4ffdf3ffffa00"


def aggregated(*units: str) -> str:
    """A STAP-A of H264 (RFC 6184, 5.7.1)."""
    return "78" + "".join(f"{len(unit) // 2:04x}{unit}" for unit in units)


@pytest.mark.parametrize(
    ("codec", "payload", "size"),
    [
        ("H264", HIGH, (320, 240)),
        ("H264", BASELINE, (480, 270)),
        ("H264", CROPPED, (1920, 1080)),
        ("H264", "67f4000d919b282a10f1f1f080000003008000001e078a14cb", (322, 242)),
        ("H264", aggregated("0910", CROPPED, "68ebecb22c"), (1920, 1080)),
        ("H264", aggregated("68ebecb22c"), None),
        ("H264", "65888400", None),
        ("H264", "7c858884", None),
        ("H265", H265, (328, 248)),
        ("H265", "6001" + f"{len(H265) // 2:04x}" + H265, (328, 248)),
        ("H265", "2601af15", None),
        ("VP8", "10" + VP8_FRAME, (322, 242)),
        ("VP8", "9080ffff" + VP8_FRAME, (322, 242)),
        ("VP8", "90e081123456" + VP8_FRAME, (322, 242)),
        ("VP8", "00" + VP8_FRAME, None),
        ("VP8", "10" + "f1" + VP8_FRAME[2:], None),
        ("VP9", "08" + VP9_FRAME, (322, 242)),
        ("VP9", "8c8123" + VP9_FRAME, (322, 242)),
        ("VP9", "ac81230007" + VP9_FRAME, (322, 242)),
        ("VP9", "8a" + "12" + "18014200f2010401" + VP9_FRAME, (322, 242)),
        ("VP9", "08" + "86" + VP9_FRAME[2:], None),
        ("AV1", "18" + AV1_SEQUENCE, (640, 480)),
        ("AV1", "080d" + AV1_SEQUENCE + "32010203", (640, 480)),
        ("AV1", "1832010203", None),
        ("AV1", "90" + AV1_SEQUENCE, None),
        ("OPUS", "fc0102030405", None),
    ],
)
def test_a_size_is_what_the_picture_says(codec: str, payload: str, size: Size | None) -> None:
    """Cropped, aggregated, behind each form of descriptor; delta frames and fragments say none."""
    assert picture_size(codec, bytes.fromhex(payload)) == size


@given(st.sampled_from(["H264", "H265", "VP8", "VP9", "AV1", "OPUS"]), st.binary(max_size=80))
def test_garbage_has_a_size_or_none(codec: str, payload: bytes) -> None:
    """Never an exception, whatever a publisher sends."""
    size = picture_size(codec, payload)
    assert size is None or len(size) == 2


@given(
    st.sampled_from([("H264", HIGH), ("H265", H265), ("VP8", "10" + VP8_FRAME), ("VP9", "08" + VP9_FRAME)]), st.data()
)
def test_a_size_that_is_cut_short_is_none_or_the_same(known: tuple[str, str], data: st.DataObject) -> None:
    """What is cut off does not change what is left."""
    whole = bytes.fromhex(known[1])
    short = whole[: data.draw(st.integers(0, len(whole)))]
    assert picture_size(known[0], short) in (None, picture_size(known[0], whole))
