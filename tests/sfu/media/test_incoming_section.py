"""Which of several SSRCs is forwarded, and from where on: the best layer that lives, or the same source anew."""

from sfu.media.incoming_rtp_stream import IncomingRtpStream
from sfu.media.incoming_section import RETURN_AFTER, IncomingSection
from sfu.media.simulcast_layers import SWITCH_AFTER
from sfu.media.start_buffer import SETTLE
from sfu.media.track import ForwardedTrack
from sfu.negotiation import Codec, Media
from sfu.stats import PlaneStats
from sfu.transport.udp import UdpSocket  # noqa: TC001 - annotations are one rule for all imports

SMALL_SPS = bytes.fromhex("6764000dacd94141fa10000003001000000303c0f1429960")  # 320 x 240, libx264
PPS = b"\x68\xeb\xec\xb2"
LARGE_SPS = bytes.fromhex("67640028acd940780227e584000003000400000300f03c60c658")  # 1920 x 1080


OTHER = b"\x61" + bytes(20)
KEYFRAME = b"\x78" + b"".join(
    len(unit).to_bytes(2, "big") + unit for unit in (b"\x67\x42\xe0\x1f\x8c", PPS, b"\x65\x88" + bytes(20))
)


class Section:
    """A section and its SSRCs, with a clock."""

    def __init__(self, kind: str = "video", **media: object) -> None:
        codec = Codec("H264", 90000) if kind == "video" else Codec("OPUS", 48000)
        udp: UdpSocket = object()  # type: ignore[assignment]  # nothing is sent here
        track = ForwardedTrack(kind, codec, udp, PlaneStats(), first_index=0, first_timestamp=0)  # type: ignore[arg-type]  # as above
        self.source = IncomingSection(Media("0", kind, codec, 96, **media), track)  # type: ignore[arg-type]  # as above
        self.now = 100.0
        self.known: dict[int, IncomingRtpStream] = {}
        self.numbers: dict[int, int] = {}

    def layers(self, _source: IncomingSection | None = None) -> list[IncomingRtpStream]:
        """The layers of which packets have come."""
        return [one for one in self.known.values() if one.received]

    def incoming(self, ssrc: int) -> IncomingRtpStream:
        """The incoming stream of *ssrc*, made when it is first asked for."""
        return self.known.setdefault(ssrc, IncomingRtpStream(ssrc, self.source.media.codec.clock_rate))

    def come(
        self, ssrc: int, payload: bytes, *, sequence: int | None = None, timestamp: int | None = None
    ) -> list[int]:
        """A packet of *ssrc*, the next one; the numbers that are forwarded now."""
        self.now += 0.0001
        if sequence is None:
            sequence = self.numbers.get(ssrc, ssrc * 100) + 1
        self.numbers[ssrc] = sequence
        at = round(self.now * self.source.media.codec.clock_rate) if timestamp is None else timestamp
        incoming, source = self.incoming(ssrc), self.source
        number = incoming.packet(sequence & 0xFFFF, at & 0xFFFFFFFF, len(payload), self.now)
        if number is None:
            return []
        if source.layered:
            source.inspect(incoming, payload)
        if number >= 0 and source.active is incoming:
            return [number & 0xFFFF]
        packet = (~number if number < 0 else number, at & 0xFFFFFFFF, 0, payload, ())
        if number < 0 and not incoming.restarted:
            source.keep_doubted(incoming, packet, self.now)
            return []
        if number >= 0 and not source.wants(incoming, self.layers, self.now):
            return []
        return [one[0] & 0xFFFF for one in source.buffer(incoming, packet, self.now)]

    def following(self) -> int | None:
        """Whose turn it is next."""
        return None if self.source.next is None else self.source.next.ssrc

    def settle(self) -> list[int]:
        """Let a moment pass without packets."""
        self.now += SETTLE
        return [one[0] & 0xFFFF for one in self.source.begin_settled(self.now)]

    def begin(self, ssrc: int) -> None:
        """Send a keyframe on *ssrc*, which is forwarded from then on."""
        self.come(ssrc, KEYFRAME)
        self.settle()
        assert self.source.active is self.known[ssrc]

    def run(self, seconds: float, *ssrcs: int, sizes: tuple[int, ...] = (), fps: int = 25) -> None:
        """*seconds* of frames that are no keyframes of each of *ssrcs*, weighed each second."""
        for frame in range(1, round(seconds * fps) + 1):
            self.now += 1 / fps
            for ssrc, size in zip(ssrcs, sizes or [20] * len(ssrcs), strict=True):
                self.come(ssrc, b"\x61" + bytes(size))
            if frame % fps == 0:
                self.source.measure_layers(self.layers(), self.now)


def layered() -> Section:
    """Two layers that the offer announced."""
    return Section(ssrcs=(1, 2))


def test_a_better_layer_takes_over_at_its_keyframe_and_not_before() -> None:
    """Better by a fifth, so that two alike do not take turns."""
    run = layered()
    run.begin(1)
    run.run(3.0, 1, 2, sizes=(1000, 1100))
    assert run.following() is None
    run.run(2.0, 1, 2, sizes=(1000, 4000))
    assert run.following() == 2
    assert run.come(2, OTHER) == []
    assert run.come(2, KEYFRAME) == []
    first = run.numbers[2]
    assert run.come(2, OTHER) == []
    assert run.come(1, OTHER) == [run.numbers[1]]
    assert run.settle() == [first, first + 1]
    assert run.source.active is run.known[2]
    assert not any(one["next"] for one in run.source.layer_states(run.layers()))
    assert run.come(1, KEYFRAME) == []


def test_a_layer_whose_keyframe_comes_out_of_order_begins_whole() -> None:
    """Its first packet last, and the parameter sets before it as packets of their own."""
    run = layered()
    run.begin(1)
    run.run(2.0, 1, 2, sizes=(100, 4000))
    first, at = run.numbers[2] + 1, round((run.now + 0.04) * 90000)
    run.come(2, b"\x7c\x05" + bytes(50), sequence=first + 3, timestamp=at)
    run.come(2, b"\x68" + bytes(4), sequence=first + 1, timestamp=at)
    run.come(2, b"\x7c\x85\x88" + bytes(50), sequence=first + 2, timestamp=at)
    run.come(2, SMALL_SPS, sequence=first, timestamp=at - 300)
    assert run.settle() == [first, first + 1, first + 2, first + 3]


def test_of_layers_that_carry_next_to_nothing_the_larger_picture_is_taken() -> None:
    """A slide: the smaller layer's frames are as large, and its repairs more; what counts is what is seen."""
    run = layered()
    run.come(1, SMALL_SPS)
    run.come(1, KEYFRAME)
    run.come(2, LARGE_SPS)
    run.come(2, KEYFRAME)
    run.settle()
    run.run(2.0, 1, 2, sizes=(60, 40))
    assert run.source.active is run.known[1]
    assert run.following() == 2
    assert [one["size"] for one in run.source.layer_states(run.layers())] == ["320x240", "1920x1080"]
    run.come(2, KEYFRAME)
    run.settle()
    run.run(2.0, 1, 2, sizes=(400, 40))
    assert run.source.active is run.known[2]
    assert run.following() is None


def test_when_the_layer_dies_the_other_is_asked_for_a_keyframe_and_taken_with_it() -> None:
    """Anything before it would be garbage; the larger of two that live is chosen; one that lives again is no longer replaced."""
    run = layered()
    run.begin(2)
    run.run(3.0, 1, 2, sizes=(100, 4000))
    assert run.following() is None
    run.run(SWITCH_AFTER - 0.1, 1)
    assert run.following() is None
    run.run(0.2, 1)
    assert run.following() == 1
    assert run.source.layer_requests.pending
    assert run.come(1, OTHER) == []
    run.come(1, KEYFRAME)
    assert run.settle() == [run.numbers[1]]
    run.run(3.0, 1, 2, sizes=(100, 4000))
    assert run.following() == 2


def test_a_picture_that_moves_once_a_second_is_alive() -> None:
    """The layers take turns in nothing, whichever of them comes first each second."""
    run = layered()
    run.begin(2)
    run.run(10.0, 1, 2, sizes=(40, 60), fps=1)
    assert run.source.active is run.known[2]
    assert run.following() is None


def test_when_all_layers_were_held_up_the_forwarded_one_goes_on() -> None:
    """The smallest comes first after a stall of the uplink; its keyframe, for which it was asked, is too late to matter."""
    run = layered()
    run.begin(2)
    run.run(3.0, 1, 2, sizes=(100, 4000))
    run.now += 1.5
    run.come(1, OTHER)
    assert run.following() == 1
    assert run.come(2, OTHER) == [run.numbers[2]]
    run.come(1, KEYFRAME)
    assert run.settle() == []
    assert run.come(2, OTHER) == [run.numbers[2]]
    assert run.following() is None


def test_a_layer_whose_encoder_restarts_is_the_same_layer() -> None:
    """A new SSRC with its name: at its keyframe, though it carried nothing yet."""
    run = Section(ssrcs=(1, 2), rids=("l", "h"))
    for ssrc, rid in ((1, "l"), (2, "h")):
        run.source.name(ssrc, rid)
    run.begin(2)
    run.run(2.0, 1, 2, sizes=(100, 4000))
    run.source.name(3, "h")
    run.come(3, KEYFRAME)
    assert run.settle() == [run.numbers[3]]
    run.run(1.0, 1, 3, sizes=(100, 4000))
    assert {one["rid"]: one["ssrc"] for one in run.source.layer_states(run.layers())} == {"l": 1, "h": 3}


def test_a_source_that_stands_still_begins_anew_with_a_single_packet() -> None:
    """A keyframe of one packet, then nothing for a second: it is seen once the one before is silent."""
    run = Section()
    run.begin(1)
    assert run.come(2, KEYFRAME) == []
    assert run.settle() == []
    run.now += RETURN_AFTER
    assert run.settle() == [run.numbers[2]]


def test_a_layer_that_said_goodbye_is_replaced_at_once() -> None:
    """No waiting for its silence."""
    run = layered()
    run.begin(2)
    run.run(2.0, 1, 2, sizes=(100, 4000))
    run.source.leave(run.known[2], run.now)
    run.run(0.04, 1)
    assert run.following() == 1


def test_a_new_ssrc_of_one_source_is_that_source_anew() -> None:
    """At its keyframe, at once; until then, the one before goes on; it is no layer."""
    run = Section()
    run.begin(1)
    assert run.come(2, OTHER) == []
    assert run.come(1, OTHER) == [run.numbers[1]]
    assert run.source.layer_requests.pending
    run.come(2, KEYFRAME)
    run.come(2, OTHER)
    assert run.settle() == [run.numbers[2] - 1, run.numbers[2]]
    assert run.source.active is run.known[2]
    run.source.measure_layers(run.layers(), run.now)
    assert [one["ssrc"] for one in run.source.layer_states(run.layers())] == [2]


def test_stragglers_of_the_one_before_are_not_its_return_and_its_return_is() -> None:
    """An encoder that flaps between two SSRCs is followed; late packets of the old one are nothing, a keyframe or not."""
    run = Section()
    run.begin(1)
    run.come(2, KEYFRAME)
    run.come(2, OTHER)
    run.settle()
    for _ in range(5):
        assert run.come(1, KEYFRAME) == []
        run.now += 0.02
        assert run.come(2, OTHER) == [run.numbers[2]]
    run.come(1, KEYFRAME)
    back = run.numbers[1]
    run.now += RETURN_AFTER
    assert run.come(1, OTHER) == [back, back + 1]


def test_a_single_packet_of_another_ssrc_is_no_source() -> None:
    """Sound needs no keyframe, but a second packet."""
    run = Section("audio")
    run.come(1, b"sound")
    assert run.source.active is run.known[1]
    assert run.come(2, b"stray") == []
    assert run.come(1, b"sound") == [run.numbers[1]]
    assert run.come(2, b"sound") == [run.numbers[2] - 1, run.numbers[2]]


def test_strays_of_another_ssrc_never_take_over_however_long_ago_they_came() -> None:
    """Of an encoder that was replaced before it had begun: a keyframe or not, and though the other one pauses at times."""
    for strays in ((OTHER, OTHER, OTHER), (KEYFRAME,)):
        run = Section()
        run.begin(1)
        for stray in strays:
            run.come(2, stray)
        for _ in range(15 * 8):
            run.now += 0.125
            assert run.come(1, OTHER) == [run.numbers[1]]
            run.settle()
            assert run.source.active is run.known[1]
        run.now += 2 * RETURN_AFTER
        assert run.settle() == []
        assert run.come(1, OTHER) == [run.numbers[1]]


def test_an_encoder_that_numbers_anew_begins_with_its_first_packet() -> None:
    """The same SSRC, whatever the order, and though one is lost: from its keyframe on, with nothing of before."""
    for order in ((0, 1, 2), (1, 0, 2), (2, 1, 0), (0, 2)):
        run = Section()
        run.begin(1)
        run.run(1.0, 1)
        run.now += 1.0
        got: list[int] = []
        for place in order:
            got += run.come(1, KEYFRAME if place == 0 else OTHER, sequence=40000 + place, timestamp=123)
        got += run.settle()
        assert got == sorted(40000 + place for place in order), order
        assert run.come(1, OTHER, sequence=40003, timestamp=3123) == [40003]


def test_an_encoder_that_begins_in_the_middle_of_a_group_is_asked_for_a_keyframe() -> None:
    """What cannot be decoded is not forwarded."""
    run = Section()
    run.begin(1)
    assert run.come(1, OTHER, sequence=40000, timestamp=123) == []
    assert run.come(1, OTHER, sequence=40001, timestamp=123) == []
    assert run.source.layer_requests.pending
    assert run.following() == 1
    run.come(1, KEYFRAME, sequence=40002, timestamp=3123)
    assert run.settle() == [40002]


def test_the_state_shows_layers_best_first() -> None:
    """With their names, rates, and which one viewers get."""
    run = Section(ssrcs=(1, 2), rids=("l", "h"))
    run.begin(1)
    run.run(2.0, 1, 2, sizes=(499, 4999))
    states = run.source.layer_states(run.layers())
    assert [(one["rid"], one["kbps"], one["forwarded"], one["next"]) for one in states] == [
        ("h", 1000, False, True),
        ("l", 100, True, False),
    ]
