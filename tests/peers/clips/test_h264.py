import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.peers.clips import h264

LIMIT = 100
SPS, PPS = bytes([0x67]) + b"s" * 20, bytes([0x68]) + b"p" * 5
units = st.lists(
    st.tuples(st.sampled_from([0x41, 0x65, 0x06, 0x67, 0x68]), st.binary(min_size=1, max_size=400)).map(
        lambda pair: bytes([pair[0]]) + pair[1]
    ),
    min_size=1,
    max_size=6,
)


@given(units)
def test_what_goes_in_comes_out(access_unit: list[bytes]) -> None:
    """Any access unit survives packetising and depacketising, and no payload is over the limit."""
    payloads = h264.packetise(access_unit, LIMIT)

    depacketiser = h264.Depacketiser()
    assert [unit for payload in payloads for unit in depacketiser.push(payload)] == access_unit
    assert all(len(payload) <= LIMIT for payload in payloads)


def test_parameter_sets_share_a_packet() -> None:
    """SPS, PPS and SEI before a keyframe go as one STAP-A with the highest NRI of them."""
    first = h264.packetise([SPS, PPS, bytes([0x65]) + b"i" * 10], LIMIT)[0]

    assert first[0] & 31 == h264.STAP_A
    assert first[0] & 0x60 == 0x60


def test_a_unit_with_a_lost_fragment_is_dropped() -> None:
    """What cannot be whole is not given out."""
    payloads = h264.packetise([bytes([0x41]) + bytes(range(1, 251))], LIMIT)
    depacketiser = h264.Depacketiser()

    depacketiser.push(payloads[0])
    depacketiser.lost()

    assert depacketiser.push(payloads[2]) == []


def test_annex_b_is_split_without_delimiters() -> None:
    """Three- and four-octet start codes; access unit delimiters are left out."""
    stream = b"\0\0\0\1\x09\xf0" + b"\0\0\0\1" + SPS + b"\0\0\1" + PPS + b"\0\0\1\x65abc"

    assert h264.split(stream) == [SPS, PPS, b"\x65abc"]


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300_000_000])
def test_an_identity_needs_no_emulation_prevention(number: int) -> None:
    """No run of zeros that a decoder would take for a start code."""
    unit = h264.identity(b"sluice-test-peer", number)

    assert b"\0\0" not in unit
    assert unit[0] & 31 == h264.SEI
