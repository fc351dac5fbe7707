"""BitReader of a video header: fixed lengths, Exp-Golomb (H.264, section 9.1) and LEB128 (AV1, section 4.10.5).

What is read beyond the end is zeros, and `over` says so: a truncated header is no exception.
"""

from typing import Final

_LONGEST: Final = 32
"""Leading zeros of an Exp-Golomb code at most: more is no header."""
_NO_CODE: Final = (1 << 32) - 1
"""Read where no code ends: above every id, count and length that a header can hold."""


class BitReader:
    """Reads numbers out of *data*, the most significant bit first."""

    __slots__ = ("_at", "_size", "_value")

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._size = 8 * len(data)
        self._at = 0

    @property
    def over(self) -> bool:
        """Whether something was read beyond the end, or an Exp-Golomb code that is none."""
        return self._at > self._size

    def read(self, count: int) -> int:
        """The next *count* bits as a number."""
        self._at += count
        ahead = self._size - self._at
        value = self._value >> ahead if ahead >= 0 else self._value << -ahead
        return value & (1 << count) - 1

    def skip(self, count: int) -> None:
        """Pass over the next *count* bits."""
        self._at += count

    def flag(self) -> bool:
        """The next bit, as true or false."""
        return bool(self.read(1))

    def ue(self) -> int:
        """The number of an unsigned Exp-Golomb code; 2**32 - 1 where there is none, and the reader is over."""
        ahead = self._size - self._at
        rest = self._value & (1 << ahead) - 1 if ahead > 0 else 0
        length = rest.bit_length()
        zeros = ahead - length
        if not rest or zeros > _LONGEST:
            self._at = self._size + 1
            return _NO_CODE
        self._at += 2 * zeros + 1
        behind = length - zeros - 1
        return (rest >> behind if behind >= 0 else rest << -behind) - 1

    def se(self) -> int:
        """The number of a signed Exp-Golomb code (H.264, section 9.1.1)."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def rbsp(data: bytes) -> bytes:
    """*data* of a NAL unit without its emulation prevention bytes (H.264, section 7.4.1; H.265, section 7.4.2)."""
    return data.replace(b"\0\0\3", b"\0\0")


def leb128(data: bytes, at: int) -> tuple[int, int]:
    """The number at *at* of *data*, and where it ends; (0, len(data) + 1) where it does not end."""
    value = shift = 0
    for n in range(at, min(at + 8, len(data))):
        value |= (data[n] & 0x7F) << shift
        if not data[n] & 0x80:
            return value, n + 1
        shift += 7
    return 0, len(data) + 1


def to_leb128(value: int) -> bytes:
    """The shortest LEB128 form of *value*."""
    parts = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        parts.append(low | 0x80 if value else low)
        if not value:
            return bytes(parts)
