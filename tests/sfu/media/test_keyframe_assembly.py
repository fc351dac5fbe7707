"""KeyframeAssembly of pictures at the edges: recovery points, new sources, layers, and a cached group that is sent again."""

import base64
import dataclasses
import itertools
from collections.abc import Iterator

import pytest

from sfu.media.feedback.keyframe_requests import ANSWER_WITHIN
from sfu.media.incoming_rtp_stream import IncomingRtpStream
from sfu.media.incoming_section import IncomingSection
from sfu.media.start_buffer import NumberedPacket
from sfu.media.track import ForwardedTrack
from sfu.media.track_viewers import MAX_REPLAY_AFTER
from sfu.negotiation import Codec, Media
from sfu.stats import PlaneStats
from sfu.transport.udp import UdpSocket
from tests.peers.clips.payloads import is_set, nal_payloads, split
from tests.peers.clips.pictures import FPS, Decoder, Recipe, encoded
from tests.sfu.media.onlooker import Onlooker, Sent, wire
from tests.sfu.native.compiled import compiled

LIMIT = 120
H264 = Codec("H264", 90000, 1, {"packetization-mode": "1"})


@pytest.fixture(params=["python", "compiled"])
def udp(request: pytest.FixtureRequest) -> Iterator[UdpSocket]:
    """A node's socket, with both ways of sending."""
    with wire(compiled() if request.param == "compiled" else None) as one:
        yield one


def track_of(udp: UdpSocket, codec: Codec = H264) -> ForwardedTrack:
    """A track without a source."""
    return ForwardedTrack("video", codec, udp, PlaneStats(), first_index=1000, first_timestamp=0)


def h264(recipe: Recipe, *, sets: bool = True) -> list[Sent]:
    """The packets of an H264 stream; its parameter sets are in packets of their own."""
    units, keys = encoded(recipe)
    sent: list[Sent] = []
    for number, unit in enumerate(units):
        nals = [one for one in split("H264", unit) if sets or not is_set("H264", one)]
        payloads = nal_payloads("H264", [[one] for one in nals], LIMIT)
        sent += [
            Sent(
                recipe.first + number,
                number * 90_000 // FPS,
                n == len(payloads) - 1,
                payload,
                number in keys,
                is_set("H264", payload),
            )
            for n, payload in enumerate(payloads)
        ]
    return sent


class Clock:
    """Time of the test's own, and what happens in it."""

    def __init__(self, track: ForwardedTrack, *onlookers: Onlooker) -> None:
        self.track = track
        self.onlookers = list(onlookers)
        self.now = 0.0
        self.sequence = 100

    def play(self, sent: list[Sent], *, until: int | None = None) -> list[Sent]:
        """Let *sent* arrive in real time, to frame *until*; what is left."""
        for at, packet in enumerate(sent):
            if packet.frame == until:
                return sent[at:]
            if at and packet.frame != sent[at - 1].frame:
                self.run(1 / FPS)
            self.track.push(self.sequence, packet.timestamp, 0x80 * packet.marker, packet.payload, (), self.now)
            self.sequence += 1
            if self.track.ready(self.now):
                self.track.flush(self.now)
            self.drain()
        return []

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        for _ in range(round(seconds / 0.02)):
            self.now += 0.02
            self.track.flush(self.now)
            if self.track.joining:
                self.track.step(self.now, 0.02)
            if self.track.keyframes.pending:
                self.track.keyframes.due(self.now)  # the source ignores it
            self.drain()

    def drain(self) -> None:
        """Everybody takes what has come."""
        for onlooker in self.onlookers:
            onlooker.drain(self.now)


def pictures(onlooker: Onlooker) -> list[int | None]:
    """What a decoder shows of all that came."""
    decoder = Decoder("H264")
    for unit in onlooker.units("H264"):
        decoder.feed(unit)
    decoder.finish()
    assert decoder.failures == 0
    return decoder.shown


def test_who_joins_after_the_idr_was_let_go_begins_at_a_recovery_point(udp: UdpSocket) -> None:
    """Intra refresh and open groups: one IDR at the start, recovery points later (H.264, D.2.8)."""
    options = (("x264-params", "keyint=20:min-keyint=20:scenecut=0:bframes=0:intra-refresh=1"),)
    track = track_of(udp)
    clock = Clock(track)
    left = clock.play(h264(Recipe("H264", options, frames=100)), until=80)
    joiner = Onlooker(track, clock.now, fanout=udp.fanout)
    clock.onlookers.append(joiner)
    clock.play(left)
    shown = pictures(joiner)
    assert shown[-1] == 99
    assert None not in shown
    joiner.close()


def test_those_who_watch_get_the_sets_that_a_new_source_says_in_its_offer_only(udp: UdpSocket) -> None:
    """A takeover: another picture size, and not one parameter set in band."""
    first, second = Recipe("H264", frames=25), Recipe("H264", frames=25, first=100, width=128)
    track = track_of(udp)
    watcher = Onlooker(track, 0.0, fanout=udp.fanout)
    clock = Clock(track, watcher)
    clock.play(h264(first))
    sets = [one for one in split("H264", encoded(second)[0][0]) if is_set("H264", one)]
    offered = {"sprop-parameter-sets": ",".join(base64.b64encode(one).decode() for one in sets)}
    track.new_source(Codec("H264", 90000, 1, {**H264.parameters, **offered}))
    clock.run(0.2)
    clock.play(h264(second, sets=False))
    assert pictures(watcher) == [*range(25), *range(100, 125)]
    assert watcher.missing() == []
    assert watcher.refused == 0
    watcher.close()


def test_a_layer_takes_over_with_the_parameter_sets_that_it_said_before(  # noqa: C901 - a scene, told in its order
    udp: UdpSocket,
) -> None:
    """Once, at its beginning, while another one was forwarded; and the first one has its own again when it comes back."""
    low, high = IncomingRtpStream(1, 90000), IncomingRtpStream(2, 90000)
    track = track_of(udp)
    source = IncomingSection(Media("0", "video", H264, 96, ssrcs=(1, 2)), track)
    watcher = Onlooker(track, 0.0, fanout=udp.fanout)
    small, large = h264(Recipe("H264", frames=63)), h264(Recipe("H264", frames=63, width=128))
    once = [[one for one in layer if not one.opening or one.frame == 0] for layer in (small, large)]
    now, sequence = 0.0, {1: 10, 2: 20}

    def forward(packets: list[NumberedPacket]) -> None:
        for number, timestamp, marker, payload, exts in packets:
            track.push(number, timestamp, marker, payload, exts, now)

    def arrive(layer: IncomingRtpStream, packet: Sent) -> None:
        sequence[layer.ssrc] += 1
        number = layer.packet(sequence[layer.ssrc], packet.timestamp, len(packet.payload), now)
        assert number is not None
        source.inspect(layer, packet.payload)
        taken = (number, packet.timestamp, 0x80 * packet.marker, packet.payload, ())
        if source.active is layer:
            forward([taken])
        elif source.wants(layer, lambda _source: [low, high], now):
            forward(source.buffer(layer, taken, now))

    for frame in range(63):
        for layer, packets in zip((low, high), once, strict=True):
            for packet in packets:
                if packet.frame == frame and (layer is low or frame < 30):
                    arrive(layer, packet)
        now += 1 / FPS
        forward(source.begin_settled(now))
        if frame % 10 == 9:
            source.measure_layers([low, high], now)
        track.flush(now)
        watcher.drain(now)
    # The larger layer takes over at picture 20, where both have a keyframe, and the old one's has gone out by then; when it
    # stops, the smaller one goes on at its next keyframe.
    assert pictures(watcher) == [*range(21), *range(20, 30), *range(40, 63)]
    assert {source.active} == {low}
    watcher.close()


def test_a_lost_beginning_is_sent_again_where_the_source_ignores_requests(udp: UdpSocket) -> None:
    """With numbers and timestamps that go on: the viewer, whose SRTP was late, has seen later ones already."""
    for profile in (0, 2):
        track = track_of(udp)
        clock = Clock(track)
        left = clock.play(h264(Recipe("H264", frames=60, gop=60)), until=15)
        track.keyframes.ask()
        left = clock.play(left, until=25)
        assert track.keyframes.ignored(clock.now)
        late = Onlooker(track, clock.now, profile=profile, fanout=udp.fanout)
        clock.onlookers.append(late)
        late.deaf = True
        clock.run(0.1)
        late.deaf = False
        left = clock.play(left, until=27)
        assert late.packets
        assert pictures(late) == []
        asked = clock.now
        assert track.viewers.replay(late.outgoing, clock.now)
        assert not track.viewers.replay(late.outgoing, clock.now)
        clock.play(left)
        shown = pictures(late)
        assert shown == [*range(60)]
        assert late.refused == 0
        assert late.missing() == []
        first = next(at for *_, payload, at in late.packets.values() if payload[0] & 31 == 7)
        assert first - asked < 0.1
        times = [timestamp for _, (timestamp, *_) in sorted(late.packets.items())]
        assert all(0 <= (b - a & 0xFFFFFFFF) < 90_000 for a, b in itertools.pairwise(times))
        late.close()


def test_who_asks_for_a_replay_again_and_again_gets_few(udp: UdpSocket) -> None:
    """One a second, then half as often each time: it is billed."""
    track = track_of(udp)
    viewer = Onlooker(track, 0.0, fanout=udp.fanout)
    clock = Clock(track, viewer)
    clock.play(h264(Recipe("H264", frames=5)))
    track.keyframes.ask()
    clock.run(ANSWER_WITHIN + 0.2)
    before, replays = viewer.bytes, 0
    for _ in range(300):
        clock.run(0.02)
        replays += track.viewers.replay(viewer.outgoing, clock.now)
    group = sum(len(one.payload) + 28 for one in h264(Recipe("H264", frames=5)))
    assert 2 <= replays <= 4
    clock.run(0.1)
    assert viewer.bytes - before <= (replays + 1) * group
    clock.run(MAX_REPLAY_AFTER)
    viewer.close()


def test_a_source_that_answers_is_asked_and_nothing_is_sent_again(udp: UdpSocket) -> None:
    """A fresh keyframe is cheaper and newer."""
    track = track_of(udp)
    viewer = Onlooker(track, 0.0, fanout=udp.fanout)
    clock = Clock(track, viewer)
    left = clock.play(h264(Recipe("H264", frames=45)), until=18)
    track.keyframes.ask()
    clock.play(left, until=22)
    assert track.keyframes.responsive
    clock.run(0.3)
    assert not track.viewers.replay(viewer.outgoing, clock.now)
    viewer.close()


def test_a_parameter_set_is_no_keyframe(udp: UdpSocket) -> None:
    """Sent before every picture: the state says when the last keyframe came, and joiners begin there."""
    track = track_of(udp)
    clock = Clock(track)
    sent = h264(Recipe("H264", frames=16))
    sets = [one for one in sent if one.opening and is_set("H264", one.payload)]
    every: list[Sent] = []
    for at, packet in enumerate(sent):
        if at and packet.frame != sent[at - 1].frame:
            every += [
                dataclasses.replace(one, frame=packet.frame, timestamp=packet.timestamp, key=False) for one in sets
            ]
        every.append(packet)
    clock.play(every)
    joiner = Onlooker(track, clock.now, fanout=udp.fanout)
    clock.onlookers.append(joiner)
    clock.run(0.5)
    assert track.last_keyframe == 0.0
    assert track.keyframes.tried is False
    assert pictures(joiner) == [*range(16)]
    joiner.close()
