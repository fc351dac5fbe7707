"""Coded pictures in RTP payloads and back, by codec: what packetisers of encoders do and depacketisers of players.

Written from the payload formats (RFC 6184, 7798, 7741, 9628; AV1 RTP specification) and apart from the node's own readers.
"""

from collections.abc import Iterable, Sequence

from tests.peers.clips import h264

H265_AP, H265_FU = 48, 49


def split(codec: str, annexb: bytes) -> list[bytes]:
    """The NAL units of an Annex B access unit without delimiters."""
    if codec == "H264":
        return h264.split(annexb)
    units = [part.rstrip(b"\0") for part in annexb.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")]
    return [unit for unit in units if unit and kind(codec, unit) != 35]


def kind(codec: str, unit: bytes) -> int:
    """The nal_unit_type in the header of a NAL unit."""
    return unit[0] & 31 if codec == "H264" else unit[0] >> 1 & 63


def is_set(codec: str, unit: bytes) -> bool:
    """Whether *unit* is a parameter set."""
    return kind(codec, unit) in ((7, 8) if codec == "H264" else (32, 33, 34))


def is_slice(codec: str, unit: bytes) -> bool:
    """Whether *unit* is of the picture itself."""
    return kind(codec, unit) < (6 if codec == "H264" else 32)


def delimiter(codec: str) -> bytes:
    """A NAL unit that delimits access units."""
    return b"\x09\xf0" if codec == "H264" else b"\x46\x01\x50"


def note(codec: str) -> bytes:
    """An SEI message that says nothing."""
    body = b"\x05\x10" + b"sluice-test-peer" + b"\x80"
    return (b"\x06" if codec == "H264" else b"\x4e\x01") + body


def nal_payloads(codec: str, packets: Iterable[Sequence[bytes]], limit: int) -> list[bytes]:
    """One payload for each row of NAL units that fits into *limit*, fragments for a unit that does not."""
    out: list[bytes] = []
    for row in packets:
        if len(row) > 1:
            head = b"\x78" if codec == "H264" else bytes((H265_AP << 1, 1))
            out.append(head + b"".join(len(unit).to_bytes(2, "big") + unit for unit in row))
        elif len(row[0]) <= limit:
            out.append(row[0])
        else:
            out += _fragments(codec, row[0], limit)
    return out


def _fragments(codec: str, unit: bytes, limit: int) -> list[bytes]:
    own = 1 if codec == "H264" else 2
    head = bytes((unit[0] & 0xE0 | 28,)) if codec == "H264" else bytes((H265_FU << 1 | unit[0] & 0x81, unit[1]))
    size = limit - 3
    pieces = [unit[at : at + size] for at in range(own, len(unit), size)]
    last = len(pieces) - 1
    return [
        head + bytes((kind(codec, unit) | (0x80 if n == 0 else 0) | (0x40 if n == last else 0),)) + piece
        for n, piece in enumerate(pieces)
    ]


def pieces(frame: bytes, limit: int) -> list[bytes]:
    """*frame* cut into pieces of at most *limit* bytes."""
    return [frame[at : at + limit] for at in range(0, len(frame), limit)]


def obus(unit: bytes) -> list[bytes]:
    """The OBUs of a temporal unit without their size fields and without the delimiter."""
    found, at = [], 0
    while at < len(unit):
        extended = bool(unit[at] & 4)
        size, body = _leb128(unit, at + 1 + extended)
        if unit[at] >> 3 & 15 != 2:
            found.append(bytes((unit[at] & ~2,)) + unit[at + 1 : at + 1 + extended] + unit[body : body + size])
        at = body + size
    return found


def av1_payloads(found: Sequence[bytes], limit: int, *, new: bool) -> list[bytes]:
    """A temporal unit's payloads; *new* sets the N bit of the first. An OBU that does not fit goes on in the next."""
    rows: list[tuple[bool, bytes, bool]] = []
    for obu in found:
        parts = pieces(obu, limit - 4)
        rows += [(n > 0, part, n < len(parts) - 1) for n, part in enumerate(parts)]
    out: list[list[tuple[bool, bytes, bool]]] = []
    for row in rows:
        if not out or sum(len(each[1]) + 2 for each in out[-1]) + len(row[1]) + 2 > limit or out[-1][-1][2]:
            out.append([])
        out[-1].append(row)
    payloads = []
    for n, packed in enumerate(out):
        count = len(packed) if len(packed) <= 3 else 0
        head = 0x80 * packed[0][0] | 0x40 * packed[-1][2] | count << 4 | 0x08 * (new and n == 0)
        body = b"".join(
            part if at == count - 1 else _to_leb128(len(part)) + part for at, (_, part, _) in enumerate(packed)
        )
        payloads.append(bytes((head,)) + body)
    return payloads


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 128:
            return value, at


def _to_leb128(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def unit_of(codec: str, payloads: Sequence[bytes]) -> bytes:
    """What a decoder is fed of the payloads of one picture, all there and in order; nothing where they make no picture."""
    if codec == "H264":
        depacketiser = h264.Depacketiser()
        return b"".join(h264.START + unit for payload in payloads for unit in depacketiser.push(payload))
    if codec == "H265":
        return b"".join(h264.START + unit for unit in _h265_units(payloads))
    if codec == "AV1":
        return _temporal_unit(payloads)
    return b"".join(payload[_descriptor(codec, payload) :] for payload in payloads)


def _h265_units(payloads: Sequence[bytes]) -> list[bytes]:
    units: list[bytes] = []
    for payload in payloads:
        of = kind("H265", payload)
        if of == H265_AP:
            at = 2
            while at + 2 < len(payload):
                size = int.from_bytes(payload[at : at + 2], "big")
                units.append(payload[at + 2 : at + 2 + size])
                at += 2 + size
        elif of == H265_FU and payload[2] & 0x80:
            units.append(bytes((payload[0] & 0x81 | (payload[2] & 63) << 1, payload[1])) + payload[3:])
        elif of == H265_FU:
            if units:
                units[-1] += payload[3:]
        else:
            units.append(payload)
    return units


def _temporal_unit(payloads: Sequence[bytes]) -> bytes:
    found: list[bytes] = []
    for payload in payloads:
        count, at, n = payload[0] >> 4 & 3, 1, 0
        while at < len(payload):
            n += 1
            size = len(payload) - at
            if n != count:
                size, at = _leb128(payload, at)
            if n == 1 and payload[0] & 0x80:
                if not found:
                    return b""
                found[-1] += payload[at : at + size]
            else:
                found.append(payload[at : at + size])
            at += size
    out = b"\x12\x00"
    for obu in found:
        head = 2 if obu[0] & 4 else 1
        out += bytes((obu[0] | 2,)) + obu[1:head] + _to_leb128(len(obu) - head) + obu[head:]
    return out


def _descriptor(codec: str, payload: bytes) -> int:
    """The length of the payload descriptor of VP8 or VP9."""
    first, at = payload[0], 1
    if codec == "VP8":
        if first & 0x80:
            at = 2
            at += (2 if payload[2] & 0x80 else 1) * bool(payload[1] & 0x80)
            at += bool(payload[1] & 0x40) + bool(payload[1] & 0x30)
        return at
    if first & 0x80:
        at += 2 if payload[at] & 0x80 else 1
    if first & 0x20:
        at += 1 if first & 0x10 else 2
    if first & 0x50 == 0x50:
        while payload[at] & 1:
            at += 1
        at += 1
    if first & 2:
        structure = payload[at]
        at += 1 + 4 * ((structure >> 5) + 1) * bool(structure & 0x10)
        if structure & 8:
            groups = payload[at]
            at += 1
            for _ in range(groups):
                at += 1 + (payload[at] >> 2 & 3)
    return at
