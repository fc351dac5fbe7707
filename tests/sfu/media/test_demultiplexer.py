"""A publisher's packets find their section, repairs find what they repair, and strangers find nothing."""

import struct

from sfu.media.demultiplexer import FORGET_AFTER, MAX_SSRCS, MOVE_AFTER, NAMED_WITHIN, Demultiplexer, Placed
from sfu.media.incoming_section import IncomingSection
from sfu.media.track import ForwardedTrack
from sfu.negotiation import MID, REPAIRED_RID, RID, Codec, Media
from sfu.stats import PlaneStats
from sfu.transport.udp import UdpSocket  # noqa: TC001 - annotations are one rule for all imports
from sfu.wire.rtp import parse


def source(mid: str, payload_type: int, **more: object) -> IncomingSection:
    """A negotiated section of video."""
    codec = Codec("VP8", 90000)
    udp: UdpSocket = object()  # type: ignore[assignment]  # nothing is sent here
    track = ForwardedTrack("video", codec, udp, PlaneStats(), first_index=0, first_timestamp=0)
    usual: dict[str, object] = {"extensions": {MID: 1, RID: 2}, "rtx_payload_type": payload_type + 1}
    return IncomingSection(Media(mid, "video", codec, payload_type, **(usual | more)), track)  # type: ignore[arg-type]  # as above


def place(
    into: Demultiplexer,
    payload_type: int,
    ssrc: int,
    body: bytes = b"body",
    extensions: bytes = b"",
    *,
    sequence: int = 7,
    now: float = 0.0,
) -> Placed | None:
    """Where such a packet goes; what is placed is received."""
    packet = struct.pack("!BBHII", 0x90 if extensions else 0x80, payload_type, sequence, 0, ssrc)
    if extensions:
        extensions += bytes(-len(extensions) % 4)
        packet += struct.pack("!HH", 0xBEDE, len(extensions) // 4) + extensions
    header = parse(packet + body)
    assert header is not None
    placed = into.place(packet + body, header, now)
    if placed is not None:
        placed[1].packet(placed[2], 0, len(body), now, repaired=placed[4])
    return placed


def forward(one: IncomingSection, placed: Placed | None, now: float = 0.0) -> None:
    """What was placed is what is forwarded."""
    assert placed is not None
    one.wants(placed[1], lambda _source: [], now)
    for number in (1, 2):
        one.buffer(placed[1], (number, 0, 0, b"\x10\x00", ()), now)
    one.begin_settled(now + 1)
    assert one.active is placed[1]


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
    assert one.layers.rids == {5: "h", 6: "l"}


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
    forward(quiet, first)
    placed = place(learned, 97, 50, b"\x01\x02rest")
    assert placed is not None
    assert placed[1].ssrc == 40


def test_a_repair_of_one_of_several_layers_says_whose_it_is() -> None:
    """By its repaired RID, which only its first packets carry; without one it is nobody's, not the forwarded layer's."""
    one = source("a", 96, extensions={MID: 1, RID: 2, REPAIRED_RID: 3}, rids=("h", "l"))
    ssrcs = Demultiplexer([one])
    high = place(ssrcs, 96, 5, extensions=b"\x10a\x20h")
    assert high is not None
    forward(one, high)
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


def test_layers_whose_ssrcs_are_announced_are_named_too() -> None:
    """Firefox announces an SSRC for each RID: by the order of the offer until its packets say it, in their first ones only."""
    one = source("a", 96, ssrcs=(5, 6), rids=("f", "q"))
    ssrcs = Demultiplexer([one])
    assert one.layers.rids == {5: "f", 6: "q"}
    place(ssrcs, 96, 5, extensions=b"\x10a\x20q")
    assert one.layers.rids == {5: "q"}
    place(ssrcs, 96, 6, extensions=b"\x10a")
    place(ssrcs, 96, 6, extensions=b"\x10a\x20f", sequence=8)
    assert one.layers.rids == {5: "q", 6: "f"}
    place(ssrcs, 96, 5, extensions=b"\x10a\x20x", sequence=9)
    assert one.layers.rids == {5: "q", 6: "f"}

    silent = source("a", 96, ssrcs=(5,), rids=("f", "q"))
    late = Demultiplexer([silent])
    for number in range(NAMED_WITHIN):
        place(late, 96, 5, extensions=b"\x10a", sequence=number)
    place(late, 96, 5, extensions=b"\x10a\x20f", sequence=NAMED_WITHIN)
    assert silent.layers.rids == {}


def test_an_encoder_that_restarts_a_hundred_times_is_known_each_time() -> None:
    """SSRCs that were replaced make room, in the time of a blink too."""
    one = source("a", 96)
    ssrcs = Demultiplexer([one])
    for restart in range(1, 101):
        now = restart / 10
        forward(one, place(ssrcs, 96, restart, now=now), now)
    assert len(ssrcs) <= MAX_SSRCS
    assert len(one.retired) < MAX_SSRCS


def test_silent_strangers_make_room_for_a_source() -> None:
    """A burst of wild SSRCs costs a bounded table, and nobody his way in after it."""
    one = source("a", 96)
    ssrcs = Demultiplexer([one])
    for ssrc in range(1, 200):
        place(ssrcs, 96, ssrc)
    assert place(ssrcs, 96, 500, now=FORGET_AFTER) is None
    assert place(ssrcs, 96, 500, now=FORGET_AFTER + 0.1) is not None
    assert len(ssrcs) == MAX_SSRCS


def test_a_goodbye_ends_one_ssrc() -> None:
    """Of several, and of one that is forwarded too: then it goes on to be known, for what is late."""
    one = source("a", 96)
    ssrcs = Demultiplexer([one])
    forward(one, place(ssrcs, 96, 5))
    place(ssrcs, 96, 6)
    ssrcs.leave(6, 0.0)
    ssrcs.leave(7, 0.0)
    assert ssrcs.find(6) is None
    ssrcs.leave(5, 0.0)
    assert ssrcs.find(5) is not None


def test_an_ssrc_may_turn_up_in_another_section() -> None:
    """Two sections that swap theirs at a restart; not while it is still sent in the first."""
    first, second = source("a", 96), source("b", 100)
    ssrcs = Demultiplexer([first, second])
    forward(first, place(ssrcs, 96, 5))
    assert place(ssrcs, 100, 5, now=MOVE_AFTER - 0.1) is None
    placed = place(ssrcs, 100, 5, now=MOVE_AFTER + 0.1)
    assert placed is not None
    assert placed[0] is second
    assert first.active is None


def test_a_repair_of_the_old_source_is_not_the_new_one_s() -> None:
    """Each RTX stream belongs to what it repaired first."""
    one = source("a", 96)
    ssrcs = Demultiplexer([one])
    forward(one, place(ssrcs, 96, 5, sequence=1))
    place(ssrcs, 96, 5, sequence=3)
    for _ in range(2):
        placed = place(ssrcs, 97, 50, b"\x00\x02rest")
        assert placed is not None
        assert placed[1].ssrc == 5
    forward(one, place(ssrcs, 96, 6, sequence=1))
    place(ssrcs, 96, 6, sequence=3)
    placed = place(ssrcs, 97, 50, b"\x00\x02rest")
    assert placed is not None
    assert placed[1].ssrc == 5
    placed = place(ssrcs, 97, 60, b"\x00\x02rest")
    assert placed is not None
    assert placed[1].ssrc == 6


def test_an_unknown_payload_type_is_not_learned_by_its_mid() -> None:
    """What was not negotiated takes no place in the table."""
    ssrcs = Demultiplexer([source("a", 96)])
    assert place(ssrcs, 100, 1, extensions=b"\x10a") is None
    assert len(ssrcs) == 0
