import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.wire.bitstream import av1, h264, h265, vp9
from sfu.wire.bitstream.header_readers import header_reader
from sfu.wire.bitstream.picture import KEY, OPENING, RECOVERY, SETS, STARTS

SPS = bytes.fromhex("6742c01fd9")
PPS = bytes.fromhex("68ce3c80")
AUD = b"\x09\xf0"
NOTE = b"\x06\x05\x01\x00\x80"
RECOVERY_POINT = b"\x06\x06\x01\xc4\x80"  # after no further picture
IDR, LATER_SLICE, OTHER = b"\x65\x88", b"\x65\x40", b"\x61\x9a"
VPS_265, SPS_265, PPS_265 = b"\x40\x01\x0c\x01", b"\x42\x01\x01\x01", b"\x44\x01\xc1\x72"
IDR_265, CRA_265, TRAIL_265 = b"\x26\x01\xaf", b"\x2a\x01\xaf", b"\x02\x01\xd0"
SEQUENCE, DELIMITER = b"\x08\x00\x00\x00", b"\x10"
KEY_FRAME, SHOWN_AGAIN, INTER = b"\x30\x10", b"\x18\x90", b"\x30\x30"


def stap(*units: bytes) -> bytes:
    """A STAP-A of H264 (RFC 6184, 5.7.1)."""
    return b"\x78" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)


def ap(*units: bytes) -> bytes:
    """An aggregation packet of H265 (RFC 7798, 4.4.2)."""
    return b"\x60\x01" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)


def packed(*obus: bytes, bits: int = 0) -> bytes:
    """An AV1 payload of whole OBUs, each with its length; *bits* are Z, Y and N."""
    return bytes((bits,)) + b"".join(bytes((len(obu),)) + obu for obu in obus)


@pytest.mark.parametrize(
    ("codec", "payload", "expected"),
    [
        ("H264", IDR, KEY),
        ("H264", LATER_SLICE, 0),  # first_mb_in_slice is not 0
        ("H264", SPS, SETS | OPENING | STARTS),
        ("H264", PPS, SETS | OPENING),
        ("H264", AUD, OPENING | STARTS),
        ("H264", NOTE, OPENING),
        ("H264", RECOVERY_POINT, RECOVERY | OPENING),
        ("H264", b"\x06\x05\x01\x00\x06\x01\xc4\x80", RECOVERY | OPENING),  # behind another message
        ("H264", OTHER, 0),
        ("H264", b"\x7c\x85\x88", KEY),  # FU-A, first fragment of an IDR slice
        ("H264", b"\x7c\x05\x88", 0),  # a middle one
        ("H264", b"\x7c\x81\x9a", 0),
        ("H264", b"\x7c\x87\x42", SETS | STARTS),  # a fragmented SPS
        ("H264", stap(SPS, PPS), SETS | OPENING | STARTS),
        ("H264", stap(SPS, PPS, IDR), SETS | STARTS | KEY),
        ("H264", stap(SPS, PPS, OTHER), SETS | STARTS),
        ("H264", stap(PPS, NOTE), SETS | OPENING),
        ("H265", IDR_265, KEY),
        ("H265", CRA_265, KEY),
        ("H265", b"\x26\x01\x2f", 0),  # not the first slice segment
        ("H265", VPS_265, SETS | OPENING | STARTS),
        ("H265", PPS_265, SETS | OPENING),
        ("H265", TRAIL_265, 0),
        ("H265", b"\x62\x01\x94\x80", KEY),  # FU, first fragment of IDR_N_LP
        ("H265", b"\x62\x01\x14\x80", 0),
        ("H265", ap(VPS_265, SPS_265, PPS_265), SETS | OPENING | STARTS),
        ("VP8", b"\x10\x00\x00\x00\x9d\x01\x2a", KEY | STARTS),
        ("VP8", b"\x10\x00\x00\x00\x9d\x01\x2b", 0),  # no start code
        ("VP8", b"\x10\x01", 0),  # inter frame
        ("VP8", b"\x00\x00", 0),  # not the first packet
        ("VP8", b"\x11\x00", 0),  # second partition
        ("VP8", b"\x90\x80\x12\x00", KEY | STARTS),  # 7-bit picture id
        ("VP8", b"\x90\x80\x92\x34\x00", KEY | STARTS),  # 15-bit picture id
        ("VP8", b"\x90\xf0\x92\x34\x01\x02\x01", 0),
        ("VP9", b"\x08\x80\x49", KEY | STARTS),  # B; frame_marker 2, profile 0, key
        ("VP9", b"\x08\x84\x00", 0),  # the same descriptor of a frame that is none
        ("VP9", b"\x08\x88\x00", 0),  # show_existing_frame
        ("VP9", b"\x08\xb0\x49", KEY | STARTS),  # profile 3: a reserved bit more
        ("VP9", b"\x08\xb2\x49", 0),
        ("VP9", b"\x00\x80\x49", 0),  # not the begin of a frame
        ("VP9", b"\xa8\x01\x00\x01\x80\x49", KEY | STARTS),  # lowest spatial layer, with TL0PICIDX
        ("VP9", b"\xa8\x01\x02\x01\x80\x49", 0),  # spatial layer 1
        ("VP9", b"\xd8\x01\x05\x04\x80\x49", KEY | STARTS),  # flexible, two references
        ("VP9", b"\x8a\x01\x18\x00\x60\x00\x40\x01\x04\x01\x80\x49", KEY | STARTS),  # a structure
        ("AV1", packed(SEQUENCE, KEY_FRAME), SETS | STARTS | KEY),
        ("AV1", packed(SEQUENCE, INTER, bits=0x08), SETS | STARTS),  # N on a unit without a key frame
        ("AV1", packed(INTER, bits=0x08), 0),
        ("AV1", packed(KEY_FRAME), KEY),
        ("AV1", packed(DELIMITER, SHOWN_AGAIN), STARTS),
        ("AV1", packed(KEY_FRAME, bits=0x80), 0),  # goes on from the packet before
        ("AV1", b"\x10" + KEY_FRAME, KEY),  # one element without a length
        ("AV1", packed(b"\x34\x08\x10"), 0),  # spatial layer 1
        ("AV1", packed(b"\x08\x18\x00", b"\x30\x00"), SETS | STARTS | KEY),  # a reduced still picture
        ("OPUS", b"\xff", 0),
    ],
)
def test_what_a_payload_says_of_its_picture(codec: str, payload: bytes, expected: int) -> None:
    """By codec, as the headers of the bitstream say it; a descriptor's flags are not believed."""
    assert header_reader(codec).flags(payload) == expected


def test_slice_headers_are_read() -> None:
    """first_mb_in_slice, slice_type and the picture parameter set, over emulation prevention too."""
    assert h264.slice_header(b"\x65\x88\x84")[:3] == (0, 7, 0)
    assert h264.slice_header(b"\x41\x9a\x20")[:2] == (0, 5)
    # 17 zeros, a one, 17 bits, then slice_type 5 and id 0: two bytes of zeros are followed by a prevention byte.
    assert h264.slice_header(b"\x41\x00\x00\x03\x40\x00\x06\x80")[:3] == ((1 << 17) - 1, 5, 0)


@pytest.mark.parametrize(("unit", "frames"), [(RECOVERY_POINT, 0), (b"\x06\x06\x01\x28\x80", 4), (NOTE, None)])
def test_a_recovery_point_says_after_how_many_pictures(unit: bytes, frames: int | None) -> None:
    """Its field is called recovery_frame_cnt."""
    assert h264.recovery_frames(unit) == frames


def test_parameter_sets_have_their_ids() -> None:
    """In the order in which a decoder wants them; what is no parameter set is none."""
    assert list(h264.parameter_sets(stap(SPS, PPS, IDR))) == [(0, 0, SPS), (1, 0, PPS)]
    assert list(h264.parameter_sets(b"\x67\x42\xc0\x1f\x59")) == [(0, 1, b"\x67\x42\xc0\x1f\x59")]
    assert [kind for kind, _, _ in h265.parameter_sets(ap(VPS_265, SPS_265, PPS_265))] == [0, 1, 2]
    assert list(av1.parameter_sets(packed(SEQUENCE, KEY_FRAME))) == [(0, 0, SEQUENCE)]
    assert not list(av1.parameter_sets(packed(SEQUENCE, bits=0x40)))  # torn


def test_parameter_sets_of_an_offer_are_read_and_nonsense_is_passed_over() -> None:
    """`sprop-parameter-sets` of RFC 6184, `sprop-vps` and its like of RFC 7798."""
    assert list(h264.out_of_band({"sprop-parameter-sets": "Z0LAH9k=,aM48gA=="})) == [(0, 0, SPS), (1, 0, PPS)]
    assert not list(h264.out_of_band({"sprop-parameter-sets": "?,,AAAA,Zw"}))
    assert [kind for kind, _, _ in h265.out_of_band({"sprop-vps": "QAEMAQ==", "sprop-pps": "RAHBcg=="})] == [0, 2]


def test_an_av1_packet_is_given_a_sequence_header() -> None:
    """Before all else and in the same packet, whatever form the elements had."""
    for payload in (packed(KEY_FRAME, INTER), b"\x20\x02" + KEY_FRAME + INTER):
        given = av1.with_header(payload, SEQUENCE)
        assert list(av1.elements(given)) == [SEQUENCE, KEY_FRAME, INTER]
        assert given[0] & 0x08
    assert av1.with_header(b"\x50" + KEY_FRAME, SEQUENCE)[0] & 0x40  # it goes on in the next packet, as it did


def test_the_profile_is_read_from_the_sps() -> None:
    """Alone or in a STAP-A; nowhere else (P10)."""
    assert h264.profile_level(SPS) == "42c01f"
    assert h264.profile_level(stap(AUD, bytes.fromhex("67640028aa"), PPS)) == "640028"
    assert h264.profile_level(PPS) is None
    assert h264.profile_level(b"") is None
    assert h264.profile_level(b"\x67\x42") is None


@given(st.sampled_from(["H264", "H265", "VP8", "VP9", "AV1"]), st.binary(min_size=1, max_size=24))
def test_arbitrary_payloads_never_raise(codec: str, payload: bytes) -> None:
    """One byte is enough to crash a careless reader."""
    headers = header_reader(codec)
    headers.flags(payload)
    list(headers.parameter_sets(payload))
    h264.profile_level(payload)
    vp9.frame(payload)
    if codec == "AV1":
        assert av1.with_header(payload, SEQUENCE)
