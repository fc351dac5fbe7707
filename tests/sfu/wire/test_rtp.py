import struct

from hypothesis import given
from hypothesis import strategies as st

from sfu.wire import rtp


def packet(
    *, sequence: int = 7, extension: bytes = b"", payload: bytes = b"abc", padding: int = 0, csrcs: int = 0
) -> bytes:
    """An RTP packet with these fields."""
    first = 0x80 | (0x10 if extension else 0) | (0x20 if padding else 0) | csrcs
    tail = bytes(padding - 1) + bytes((padding,)) if padding else b""
    return struct.pack("!BBHII", first, 0x80 | 96, sequence, 1000, 42) + bytes(4 * csrcs) + extension + payload + tail


def test_a_header_tells_where_the_payload_is() -> None:
    """CSRCs, extensions and padding are not payload."""
    block = rtp.pack_extensions([(1, b"0"), (3, b"xyz")])
    data = packet(extension=block, padding=4, csrcs=2)
    parsed = rtp.parse(data)
    assert parsed is not None
    marker, payload_type, sequence, timestamp, ssrc, extension, start, end = parsed
    assert (marker, payload_type, sequence, timestamp, ssrc) == (0x80, 96, 7, 1000, 42)
    assert data[start:end] == b"abc"
    assert list(rtp.extensions(data, extension, start)) == [(1, b"0"), (3, b"xyz")]


def test_long_or_high_numbered_extensions_take_the_two_byte_form() -> None:
    """As RFC 8285, section 4.3, has it."""
    values = [(15, b"a"), (200, bytes(40)), (2, b"")]
    block = rtp.pack_extensions(values)
    data = packet(extension=block)
    parsed = rtp.parse(data)
    assert parsed is not None
    assert list(rtp.extensions(data, parsed[5], parsed[6])) == values


def test_padding_longer_than_the_packet_is_refused() -> None:
    """A length that points before the payload is damage or an attack."""
    assert rtp.parse(packet(padding=4)[:-1] + b"\xff") is None


def test_a_packet_of_nothing_but_padding_has_an_empty_payload() -> None:
    """Browsers probe bandwidth with these."""
    parsed = rtp.parse(packet(payload=b"", padding=255))
    assert parsed is not None
    assert parsed[6] == parsed[7]


@given(st.binary(max_size=80))
def test_arbitrary_bytes_never_raise_and_never_point_outside(data: bytes) -> None:
    """Whoever holds the keys may still send nonsense."""
    parsed = rtp.parse(data)
    if parsed is not None:
        _, _, _, _, _, extension, start, end = parsed
        assert 12 <= start <= end <= len(data)
        if extension:
            for _number, value in rtp.extensions(data, extension, start):
                assert len(value) <= len(data)


@given(st.integers(0, 2**40), st.integers(-0x7FFF, 0x7FFF))
def test_sixteen_bits_are_extended_to_the_nearest_number(reference: int, distance: int) -> None:
    """For any number within half the range of the reference."""
    number = reference + distance
    assert rtp.extend(number & 0xFFFF, reference) == number
