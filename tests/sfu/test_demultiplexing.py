"""A publisher's packets find their section, repairs find what they repair, and strangers find nothing."""

import struct

from sfu.demultiplexing import MAX_SSRCS, Demultiplexer, Placed
from sfu.negotiation import MID, REPAIRED_RID, RID, Codec, Media
from sfu.rtp import parse
from sfu.source import Source
from sfu.stats import PlaneStats
from sfu.track import Track
from sfu.udp import UdpSocket  # noqa: TC001 - annotations are one rule for all imports


def source(mid: str, payload_type: int, **more: object) -> Source:
    """A section of video."""
    codec = Codec("VP8", 90000)
    udp: UdpSocket = object()  # type: ignore[assignment]  # nothing is sent here
    track = Track("video", codec, udp, PlaneStats(), first_index=0, first_timestamp=0)
    usual: dict[str, object] = {"extensions": {MID: 1, RID: 2}, "rtx_payload_type": payload_type + 1}
    return Source(Media(mid, "video", codec, payload_type, **(usual | more)), track)  # type: ignore[arg-type]  # as above


def place(
    into: Demultiplexer, payload_type: int, ssrc: int, body: bytes = b"body", extensions: bytes = b""
) -> Placed | None:
    """Where such a packet goes."""
    packet = struct.pack("!BBHII", 0x90 if extensions else 0x80, payload_type, 7, 0, ssrc)
    if extensions:
        extensions += bytes(-len(extensions) % 4)
        packet += struct.pack("!HH", 0xBEDE, len(extensions) // 4) + extensions
    header = parse(packet + body)
    assert header is not None
    return into.place(packet + body, header)


def test_announced_ssrcs_come_first_then_mids_then_payload_types() -> None:
    """Two sections with one payload type are told apart by MID; once learned, the SSRC is enough."""
    first, second = source("a", 96, ssrcs=(11,)), source("b", 96)
    ssrcs = Demultiplexer([first, second])
    for ssrc, extensions, owner in (
        (11, b"", first), (22, b"\x10b", second), (22, b"", second), (33, b"\x10a", first), (44, b"", first),
    ):  # fmt: skip
        placed = place(ssrcs, 96, ssrc, extensions=extensions)
        assert placed is not None
        assert (placed[0], placed[1].ssrc, placed[4]) == (owner, ssrc, False)


def test_a_layer_s_name_is_learned_with_its_ssrc() -> None:
    """RID, as browsers and OBS send it at first."""
    one = source("a", 96)
    ssrcs = Demultiplexer([one])
    place(ssrcs, 96, 5, extensions=b"\x10a\x20h")
    place(ssrcs, 96, 6, extensions=b"\x10a\x20l")
    assert one.rids == {5: "h", 6: "l"}


def test_a_repair_is_placed_where_its_original_belongs() -> None:
    """By FID group, or by its payload type where none was announced; padding repairs nothing."""
    announced = Demultiplexer([source("a", 96, ssrcs=(11,), rtx_ssrcs={12: 11})])
    placed = place(announced, 97, 12, b"\x01\x02rest")
    assert placed is not None
    assert (placed[1].ssrc, placed[2], placed[3], placed[4]) == (11, 0x0102, 14, True)
    assert place(announced, 97, 12, b"") is None

    quiet = source("a", 96)
    learned = Demultiplexer([quiet])
    assert place(learned, 97, 50, b"\x01\x02rest") is None
    first = place(learned, 96, 40)
    assert first is not None
    quiet.takes(first[1], b"", 0.0)
    placed = place(learned, 97, 50, b"\x01\x02rest")
    assert placed is not None
    assert placed[1].ssrc == 40


def test_a_repair_of_one_of_several_layers_says_whose_it_is() -> None:
    """By its repaired RID, which only its first packets carry; without one it is nobody's, not the forwarded layer's."""
    one = source("a", 96, extensions={MID: 1, RID: 2, REPAIRED_RID: 3})
    ssrcs = Demultiplexer([one])
    high = place(ssrcs, 96, 5, extensions=b"\x10a\x20h")
    assert high is not None
    one.takes(high[1], b"", 0.0)
    place(ssrcs, 96, 6, extensions=b"\x10a\x20l")

    assert place(ssrcs, 97, 60, b"\x01\x02rest") is None
    for extensions in (b"\x10a\x30l", b""):
        placed = place(ssrcs, 97, 60, b"\x01\x02rest", extensions)
        assert placed is not None
        assert (placed[1].ssrc, placed[4]) == (6, True)
    assert place(ssrcs, 97, 61, b"\x01\x02rest", b"\x10a\x30x") is None


def test_unknown_payload_types_and_too_many_ssrcs_are_nobody_s() -> None:
    """An SSRC that changes with each packet costs a bounded table."""
    ssrcs = Demultiplexer([source("a", 96)])
    assert place(ssrcs, 100, 1) is None
    placed = [place(ssrcs, 96, ssrc) for ssrc in range(1, 200)]
    assert sum(one is not None for one in placed) == len(ssrcs) == MAX_SSRCS
