"""H265 access units as RTP payloads (RFC 7798): single units, aggregation packets and fragments."""

AP = 48
FU = 49
FIRST_SET = 32
LAST_SET = 34


def kind_of(nal: bytes) -> int:
    """The nal_unit_type in the header of a NAL unit."""
    return nal[0] >> 1 & 0x3F


def packetise(nals: list[bytes], limit: int) -> list[bytes]:
    """The payloads of one access unit: its parameter sets aggregated, as encoders send them, the rest one by one."""
    parts: list[bytes] = []
    heads = [nal for nal in nals if FIRST_SET <= kind_of(nal) <= LAST_SET]
    whole = bytes((AP << 1, 1)) + b"".join(len(nal).to_bytes(2) + nal for nal in heads)
    if len(heads) > 1 and len(whole) <= limit:
        parts.append(whole)
        nals = [nal for nal in nals if nal not in heads]
    for nal in nals:
        if len(nal) <= limit:
            parts.append(nal)
            continue
        header = bytes((nal[0] & 0x81 | FU << 1, nal[1]))
        step = limit - 3
        pieces = [nal[at : at + step] for at in range(2, len(nal), step)]
        for n, piece in enumerate(pieces):
            marks = 0x80 * (n == 0) | 0x40 * (n == len(pieces) - 1)
            parts.append(header + bytes((marks | kind_of(nal),)) + piece)
    return parts
