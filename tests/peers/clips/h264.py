"""H264 over RTP (RFC 6184, packetization mode 1): access units to payloads and back.

The packetiser makes single NAL unit packets, FU-A and, for the small units that come before a keyframe's slices, one STAP-A.
"""

from collections.abc import Iterable

IDR, SEI, SPS, PPS, AUD, STAP_A, FU_A = 5, 6, 7, 8, 9, 24, 28
START = b"\0\0\0\1"


def split(annexb: bytes) -> list[bytes]:
    """The NAL units of an Annex B access unit; access unit delimiters are dropped, RTP has the marker for them."""
    units: list[bytes] = []
    for part in annexb.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1"):
        unit = part.rstrip(b"\0")
        if unit and unit[0] & 31 != AUD:
            units.append(unit)
    return units


def identity(uuid: bytes, number: int) -> bytes:
    """An SEI (user_data_unregistered) that makes an access unit unlike any other; decoders skip it."""
    # Each byte of the number keeps its top bit, so that no emulation prevention is needed (H.264, section 7.4.1).
    digits = bytes(0x80 | number >> shift & 0x7F for shift in (49, 42, 35, 28, 21, 14, 7, 0))
    body = uuid + digits
    return bytes([SEI, 5, len(body)]) + body + b"\x80"


def packetise(units: Iterable[bytes], limit: int) -> list[bytes]:
    """The RTP payloads of one access unit, each at most *limit* octets; the last one carries the marker."""
    payloads: list[bytes] = []
    small: list[bytes] = []
    for unit in units:
        if unit[0] & 31 in (SEI, SPS, PPS):
            small.append(unit)
            continue
        payloads += _aggregate(small, limit)
        small = []
        payloads += [unit] if len(unit) <= limit else _fragments(unit, limit)
    return payloads + _aggregate(small, limit)


def is_keyframe(units: Iterable[bytes]) -> bool:
    """Whether an access unit can be decoded without another one."""
    return any(unit[0] & 31 == IDR for unit in units)


class Depacketiser:
    """Payloads in sequence order to NAL units; what a loss cut open is dropped."""

    def __init__(self) -> None:
        self._open: bytearray | None = None

    def push(self, payload: bytes) -> list[bytes]:
        """The NAL units that *payload* completes."""
        if not payload:
            return []
        kind = payload[0] & 31
        if 0 < kind < STAP_A:
            return [payload]
        if kind == STAP_A:
            units, at = [], 1
            while at + 2 < len(payload):
                size = int.from_bytes(payload[at : at + 2], "big")
                units.append(payload[at + 2 : at + 2 + size])
                at += 2 + size
            return units
        if kind != FU_A or len(payload) < 3:
            return []
        if payload[1] & 0x80:
            self._open = bytearray([payload[0] & 0xE0 | payload[1] & 31])
        if self._open is None:
            return []
        self._open += payload[2:]
        if not payload[1] & 0x40:
            return []
        unit, self._open = bytes(self._open), None
        return [unit]

    def lost(self) -> None:
        """A packet is missing: the unit that it belonged to cannot be completed."""
        self._open = None


def _aggregate(units: list[bytes], limit: int) -> list[bytes]:
    if not units:
        return []
    together = b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)
    if len(units) == 1 or len(together) + 1 > limit:
        return list(units)
    # RFC 6184, section 5.7.1: the aggregate's NRI is the highest of its units'.
    return [bytes([max(unit[0] & 0x60 for unit in units) | STAP_A]) + together]


def _fragments(unit: bytes, limit: int) -> list[bytes]:
    indicator, kind = unit[0] & 0xE0 | FU_A, unit[0] & 31
    size = limit - 2
    pieces = [unit[at : at + size] for at in range(1, len(unit), size)]
    last = len(pieces) - 1
    return [
        bytes([indicator, kind | (0x80 if n == 0 else 0) | (0x40 if n == last else 0)]) + piece
        for n, piece in enumerate(pieces)
    ]
