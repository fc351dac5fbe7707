"""Reads the bits of H264's and H265's headers: fixed lengths and Exp-Golomb codes (H.264, sections 7.2 and 9.1).

Pure. It reads a few bytes at the start of a NAL unit; emulation prevention is undone there (H.264, section 7.3.1).
"""

from typing import Final

MAX_GOLOMB: Final = 32
"""Leading zeros of the longest code that a valid header can hold."""


class TruncatedError(ValueError):
    """The unit ends before the field does, or it is no header at all."""


class BitReader:
    """A cursor over the bits of one NAL unit, its header excluded."""

    __slots__ = ("_at", "_bits", "_size")

    def __init__(self, unit: bytes) -> None:
        raw = unit.replace(b"\x00\x00\x03", b"\x00\x00") if b"\x00\x00\x03" in unit else unit
        self._bits = int.from_bytes(raw)
        self._size = 8 * len(raw)
        self._at = 0

    def bits(self, count: int) -> int:
        """The next *count* bits as an unsigned number; raises `TruncatedError` beyond the end."""
        self._at += count
        if self._at > self._size:
            raise TruncatedError
        return self._bits >> (self._size - self._at) & ((1 << count) - 1)

    def flag(self) -> bool:
        """The next bit."""
        return bool(self.bits(1))

    def skip(self, count: int) -> None:
        """Go on behind *count* bits that say nothing to us."""
        self.bits(count)

    def unsigned(self) -> int:
        """The next ue(v)."""
        zeros = 0
        while not self.bits(1):
            zeros += 1
            if zeros > MAX_GOLOMB:
                raise TruncatedError
        return (1 << zeros) - 1 + (self.bits(zeros) if zeros else 0)

    def signed(self) -> int:
        """The next se(v)."""
        code = self.unsigned()
        return (code + 1) // 2 if code & 1 else -(code // 2)
