import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.keyframes import begins_keyframe, h264_profile_level

SPS = bytes.fromhex("6742c01fd9")
PPS = bytes.fromhex("68ce3c80")


def stap(*units: bytes) -> bytes:
    """A STAP-A."""
    return b"\x78" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)


@pytest.mark.parametrize(
    ("codec", "payload", "expected"),
    [
        ("H264", b"\x65\x88", True),  # IDR slice
        ("H264", SPS, True),
        ("H264", PPS, False),
        ("H264", b"\x61\x9a", False),  # other slice
        ("H264", b"\x7c\x85\x88", True),  # FU-A, first fragment of an IDR slice
        ("H264", b"\x7c\x05\x88", False),  # FU-A, a middle one
        ("H264", b"\x7c\x81\x9a", False),
        ("H264", stap(SPS, PPS), True),
        ("H264", stap(PPS, b"\x06\x05"), False),
        ("H265", bytes((19 << 1, 1, 0)), True),  # IDR_W_RADL
        ("H265", bytes((32 << 1, 1, 0)), True),  # VPS
        ("H265", bytes((1 << 1, 1, 0)), False),  # TRAIL_R
        ("H265", bytes((49 << 1, 1, 0x80 | 20)), True),  # FU, first fragment of IDR_N_LP
        ("H265", bytes((49 << 1, 1, 20)), False),
        ("H265", bytes((48 << 1, 1, 0, 2, 33 << 1, 1)), True),  # AP with an SPS
        ("VP8", b"\x10\x00", True),
        ("VP8", b"\x10\x01", False),  # inter frame
        ("VP8", b"\x00\x00", False),  # not the first packet
        ("VP8", b"\x90\x80\x12\x00", True),  # 7-bit picture id
        ("VP8", b"\x90\x80\x92\x34\x00", True),  # 15-bit picture id
        ("VP8", b"\x90\xf0\x92\x34\x01\x02\x01", False),
        ("VP9", b"\x88\x01", True),  # I and B
        ("VP9", b"\xc8\x01", False),  # P: predicted
        ("VP9", b"\x80\x01", False),  # not the begin of a frame
        ("VP9", b"\xa8\x01\x00", True),  # lowest spatial layer
        ("VP9", b"\xa8\x01\x02", False),  # spatial layer 1
        ("AV1", b"\x18\x0a", True),  # N
        ("AV1", b"\x10\x32", False),
        ("OPUS", b"\xff", False),
    ],
)
def test_a_keyframe_is_seen_where_it_begins(codec: str, payload: bytes, expected: bool) -> None:  # noqa: FBT001 - a table
    """By codec, as its payload format says."""
    assert begins_keyframe(codec, payload) is expected


def test_the_profile_is_read_from_the_sps() -> None:
    """Alone or in a STAP-A; nowhere else (P10)."""
    assert h264_profile_level(SPS) == "42c01f"
    assert h264_profile_level(stap(b"\x09\xf0", bytes.fromhex("67640028aa"), PPS)) == "640028"
    assert h264_profile_level(PPS) is None
    assert h264_profile_level(b"") is None
    assert h264_profile_level(b"\x67\x42") is None


@given(st.sampled_from(["H264", "H265", "VP8", "VP9", "AV1"]), st.binary(max_size=12))
def test_arbitrary_payloads_never_raise(codec: str, payload: bytes) -> None:
    """One byte is enough to crash a careless reader."""
    begins_keyframe(codec, payload)
    h264_profile_level(payload)
