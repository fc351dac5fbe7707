"""AV1 in RTP (AV1 RTP specification, section 4): the OBUs of a payload, and what their headers say.

The aggregation header's N bit is not believed: encoders set it on every temporal unit.
"""

from collections.abc import Iterator

from sfu.wire.bitstream.bits import BitReader, leb128, to_leb128
from sfu.wire.bitstream.picture import KEY, SETS, STARTS, ParameterSet, Size

SEQUENCE_HEADER, TEMPORAL_DELIMITER, FRAME_HEADER, FRAME = 1, 2, 3, 6


def elements(payload: bytes) -> Iterator[bytes]:
    """The OBU elements of *payload* (section 4.3); the first may go on from the packet before, the last in the next."""
    count = payload[0] >> 4 & 3
    at, n = 1, 0
    while at < len(payload):
        n += 1
        size = len(payload) - at
        if n != count:
            size, at = leb128(payload, at)
        if size > len(payload) - at:
            return
        yield payload[at : at + size]
        at += size


def body(obu: bytes) -> bytes:
    """An OBU's payload behind its header (AV1, section 5.3)."""
    at = 2 if obu[0] & 0x04 else 1
    return obu[leb128(obu, at)[1] if obu[0] & 0x02 else at :]


def picture_flags(payload: bytes) -> int:
    """What *payload* says of its picture: a shown key frame of the lowest layer (AV1, section 5.9.2), sequence headers."""
    if payload[0] & 0xB0 == 0x90:
        return 0  # the one element goes on from the packet before: most packets of a large frame
    flags = 0
    still = False
    for n, obu in enumerate(elements(payload)):
        if not obu or (n == 0 and payload[0] & 0x80):  # Z: it goes on from the packet before
            continue
        kind = obu[0] >> 3 & 0x0F
        if kind == SEQUENCE_HEADER:
            flags |= SETS
            still = bool(body(obu)[:1]) and bool(body(obu)[0] & 0x08)
        elif kind in (FRAME, FRAME_HEADER):
            layer = obu[1] >> 3 & 3 if obu[0] & 0x04 and len(obu) > 1 else 0
            head = body(obu)[:1]
            # show_existing_frame, frame_type, show_frame; a reduced still picture has none of them.
            if layer == 0 and head and (still or head[0] & 0xF0 == 0x10):
                flags |= KEY
        if n == 0 and kind in (TEMPORAL_DELIMITER, SEQUENCE_HEADER):
            flags |= STARTS
    return flags


def parameter_sets(payload: bytes) -> Iterator[ParameterSet]:
    """The sequence headers that are whole in *payload*."""
    found = list(elements(payload))
    for n, obu in enumerate(found):
        torn = (n == 0 and payload[0] & 0x80) or (n == len(found) - 1 and payload[0] & 0x40)
        if obu and not torn and obu[0] >> 3 & 0x0F == SEQUENCE_HEADER:
            yield 0, 0, obu


def picture_size(payload: bytes) -> Size | None:
    """The size that the sequence header states with which *payload* begins (AV1, section 5.5.1)."""
    if payload[0] & 0x80:
        return None  # a fragment goes on
    obu = next(elements(payload), b"")
    if not obu or obu[0] >> 3 & 0x0F != SEQUENCE_HEADER:
        return None
    bits = BitReader(body(obu)[:64])
    bits.skip(4)
    if bits.flag():  # reduced_still_picture_header
        bits.skip(5)
    elif bits.flag():
        return None  # timing information: nobody sends it in real time
    else:
        _skip_operating_points(bits)
    across, down = bits.read(4) + 1, bits.read(4) + 1
    size = bits.read(across) + 1, bits.read(down) + 1
    return None if bits.over else size


def _skip_operating_points(bits: BitReader) -> None:
    delays = bits.flag()
    for _ in range(bits.read(5) + 1):
        bits.skip(12)
        if bits.read(5) > 7:  # seq_level_idx: a tier stands with the higher ones
            bits.skip(1)
        if delays and bits.flag():
            bits.skip(4)


def with_header(payload: bytes, header: bytes) -> bytes:
    """*payload*, a temporal unit's first, with the sequence header *header* before all else.

    In the same packet: receivers take a packet that begins with a whole OBU for the first of its frame.
    """
    found = [header, *elements(payload)]
    # W 0: each element has its length; N: a new coded video sequence begins.
    return bytes((payload[0] & 0x40 | 0x08,)) + b"".join(to_leb128(len(obu)) + obu for obu in found)
