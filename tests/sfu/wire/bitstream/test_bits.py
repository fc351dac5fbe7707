"""BitReader are read as the standards write them, and no header is too short to be read: beyond its end the reader says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.wire.bitstream.bits import BitReader


def packed(bits: str) -> bytes:
    """*bits* from the front of as many bytes as they need."""
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


def golomb(value: int) -> str:
    """The bits of *value* as ue(v)."""
    code = format(value + 1, "b")
    return "0" * (len(code) - 1) + code


@pytest.mark.parametrize(
    ("bits", "unsigned", "signed"),
    [
        ("1", 0, 0),
        ("010", 1, 1),
        ("011", 2, -1),
        ("00100", 3, 2),
        ("00111", 6, -3),
        ("0001000", 7, 4),
    ],
)
def test_exp_golomb_codes_are_those_of_the_standard(bits: str, unsigned: int, signed: int) -> None:
    """H.264, tables 9-1 to 9-3."""
    assert BitReader(packed(bits)).ue() == unsigned
    assert BitReader(packed(bits)).se() == signed


@given(st.lists(st.integers(0, 2**32 - 2), min_size=1, max_size=8))
def test_what_was_written_is_read_and_the_reader_is_behind_it(values: list[int]) -> None:
    """One code after the other, a fixed length and a flag behind them."""
    bits = BitReader(packed("".join(map(golomb, values)) + "101" + "1"))
    assert [bits.ue() for _ in values] == values
    assert bits.read(3) == 5
    assert bits.flag() is True
    assert not bits.over


@pytest.mark.parametrize("data", [b"", b"\0", b"\x01", bytes(5), bytes(5) + b"\xff" * 9])
def test_where_no_code_ends_the_reader_is_over(data: bytes) -> None:
    """Zeros up to the end, a code that the end cuts, and more zeros than a header has; what follows is read as zeros."""
    bits = BitReader(data)
    assert bits.ue() > 31, "no id"
    assert bits.over
    assert (bits.read(8), bits.flag()) == (0, False)
    bits.ue()
    assert bits.over


@given(st.binary(max_size=12), st.lists(st.integers(0, 40), max_size=12))
def test_the_reader_is_over_when_more_was_read_than_there_is(data: bytes, counts: list[int]) -> None:
    """Whatever was asked for, and no sooner."""
    bits = BitReader(data)
    for count in counts:
        assert 0 <= bits.read(count) < 1 << count
    assert bits.over is (sum(counts) > 8 * len(data))
