import asyncio
import itertools
import struct
import time
from typing import Any

import pytest

from sfu.media.feedback.transport_cc import TICKS
from sfu.negotiation import TRANSPORT_CC, Codec
from sfu.transport.srtp import Protection
from sfu.wire import rtcp as our_rtcp
from tests.peers.protocol import rtcp
from tests.sfu.media.feedback.test_transport_cc import decode_body
from tests.sfu.media_harness import LONG_GROUP, SSRCS, STREAM, TestPublisher, TestViewer, stage
from tests.sfu.plane.test_plane import until


async def test_a_late_viewer_has_a_picture_at_once_and_catches_up_without_a_gap() -> None:
    """With an encoder that ignores keyframe requests: from the cached group (OBS, FFmpeg; a GOP of seconds)."""
    async with stage(LONG_GROUP) as run:
        await run.publisher()
        await asyncio.sleep(2.5)
        viewer = await run.viewer()
        picture = await asyncio.wait_for(viewer.picture, 0.5)
        assert picture - viewer.at.secured < 0.1
        await asyncio.sleep(1.0)
        counts = viewer.counts()
        assert (counts.gaps, counts.duplicates, counts.altered) == (0, 0, 0)
        assert run.plane.stats.cached_packets > 100
        session = viewer.ways.session
        assert session is not None
        states = {each["kind"]: each["state"] for each in session.media_state(time.monotonic())}
        assert states == {"video": "live", "audio": "live"}


async def test_the_timestamps_of_a_catch_up_are_squeezed_and_never_go_back() -> None:
    """A player that believed the true ones would stay seconds behind."""
    async with stage(LONG_GROUP) as run:
        await run.publisher()
        await asyncio.sleep(2.0)
        viewer = await run.viewer()
        seen: list[int] = []
        track_timestamps = viewer.on_batch

        def watching(n: int) -> None:
            track_timestamps(n)
            if (track := viewer.tracks.get(SSRCS["video"])) is not None:
                seen.append(track.timestamp)

        viewer.on_batch = watching  # type: ignore[method-assign]  # a spy
        began = time.monotonic()
        await asyncio.sleep(1.2)
        took = time.monotonic() - began
        steps = [(b - a) & 0xFFFFFFFF for a, b in itertools.pairwise(seen)]
        assert all(step < 90000 for step in steps)
        assert (seen[-1] - seen[0]) & 0xFFFFFFFF < (took + 0.8) * 90000


def skew(publisher: TestPublisher, viewer: TestViewer) -> float | None:
    """By how much sound and picture are apart at the viewer that aligns them by sender reports; None: not known yet."""
    offsets = {}
    for ours in publisher.tracks:
        track = viewer.tracks.get(SSRCS[ours.kind])
        report = None if track is None else track.report
        if track is None or report is None:
            return None
        rate = 90000 if ours.kind == "video" else 48000
        # When the viewer believes that the newest packet was made, against when the publisher says that it was.
        behind = ((track.timestamp - report.timestamp + 2**31) & 0xFFFFFFFF) - 2**31
        made = report.wall + behind / rate
        truth = ((ours.timestamp - ours.base) & 0xFFFFFFFF) / rate
        offsets[ours.kind] = made - truth
    return abs(offsets["video"] - offsets["audio"])


async def test_sound_and_picture_stay_within_40_ms_over_a_takeover() -> None:
    """Sender reports map both tracks to one clock, as each publisher did, whose clocks and timestamps are its own (P16)."""
    async with stage() as run:
        first = await run.publisher()
        viewer = await run.viewer()
        await until(lambda: (skew(first, viewer) or 1) < 0.04, 4)
        second = await run.publisher(epoch=2)
        await until(lambda: second.reports > 0, 4)
        # The reports of before the takeover are of the other publisher.
        reported = {ssrc: track.reported_at for ssrc, track in viewer.tracks.items()}
        await until(lambda: all(track.reported_at > reported[ssrc] for ssrc, track in viewer.tracks.items()), 4)
        second.pause()
        # What is on its way would count as apart.
        session = second.ways.session
        assert session is not None
        await until(lambda: (session.totals()[0], run.meter.by_account["acme"][1]) == (second.octets, viewer.octets))
        apart = skew(second, viewer)
        assert apart is not None
        assert apart < 0.04


class Silent(TestPublisher):
    """Sends no reports, as FFmpeg."""

    __test__ = False

    def _report(self) -> None:
        """Send no report at all."""


class Stalling(TestPublisher):
    """An uplink that holds the picture's reports for longer and longer, and a clock that is set in between."""

    __test__ = False
    count = 0
    set_by = 0.0

    def _report(self) -> None:
        assert self._sender is not None
        self.count += 1
        wall, elapsed = time.time() + self.set_by, self._loop.time() - self._started
        for track in self.tracks:
            timestamp = (track.base + round(elapsed * (90000 if track.kind == "video" else 48000))) & 0xFFFFFFFF
            report = rtcp.sender_report(track.ssrc, wall=wall, timestamp=timestamp, packets=9, octets=9)
            sealed = self._sender.rtcp(report)
            held = 0.4 * self.count if track.kind == "video" else 0.0
            self._later(held, lambda sealed=sealed: self._send(sealed))  # type: ignore[misc]  # bound at once
        self._later(0.3, self._report)


async def test_a_publisher_without_reports_is_told_of_by_when_its_packets_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each second, both tracks, with one CNAME; and sound and picture belong together."""
    monkeypatch.setattr("tests.sfu.media_harness.TestPublisher", Silent)
    async with stage() as run:
        publisher = await run.publisher()
        viewer = await run.viewer()
        described: list[bytes] = []
        on_rtcp = viewer._on_rtcp

        def listening(packet: bytes) -> None:
            assert viewer._receiver is not None
            described.extend(
                part.body for part in rtcp.parse(viewer._receiver.rtcp(memoryview(packet))) if part.kind == rtcp.SDES
            )

        await until(lambda: skew(publisher, viewer) is not None, 5)
        assert (skew(publisher, viewer) or 1) < 0.04
        viewer._on_rtcp = listening  # type: ignore[method-assign]  # a spy, which takes what comes
        await until(lambda: described, 3)
        viewer._on_rtcp = on_rtcp  # type: ignore[method-assign]  # and leaves
        named = [described[0][at : at + 4] for at in range(0, len(described[0]), len(described[0]) // 2)]
        assert set(named) == {ssrc.to_bytes(4, "big") for ssrc in SSRCS.values()}
        assert described[0].count(STREAM.encode()) == 2


async def test_reports_that_are_late_move_nothing_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """By up to 4 s, of the picture alone; and a clock that is set by an hour is no event."""
    monkeypatch.setattr("tests.sfu.media_harness.TestPublisher", Stalling)
    async with stage() as run:
        publisher: Any = await run.publisher()
        viewer = await run.viewer()
        await until(lambda: skew(publisher, viewer) is not None, 8)
        worst = 0.0
        for step in range(50):
            publisher.set_by = 3600.0 if step > 20 else 0.0
            await asyncio.sleep(0.1)
            worst = max(worst, skew(publisher, viewer) or 0.0)
        assert 0 < worst < 0.04


async def test_an_encoder_that_changes_its_parameters_is_watched_on() -> None:
    """Another H264 profile, payload type and SSRC after a restart: the viewer's packets go on without a gap."""
    async with stage() as run:
        await run.publisher()
        viewer = await run.viewer()
        await until(lambda: len(viewer.tracks) == 2)
        before = {ssrc: track.highest for ssrc, track in viewer.tracks.items()}
        codec = Codec("H264", 90000, 1, {"packetization-mode": "1", "profile-level-id": "640c32"})
        await run.publisher(epoch=2, media={"codec": codec})
        await until(lambda: all(track.highest > before[ssrc] + 60 for ssrc, track in viewer.tracks.items()))
        assert [one.reason for one in run.ended] == ["superseded"]
        assert set(viewer.tracks) == set(before)
        await until(lambda: viewer.counts().missing == 0)
        assert (viewer.counts().altered, viewer.counts().unauthentic) == (0, 0)


async def test_a_viewer_s_losses_are_seen_in_its_state() -> None:
    """As its receiver reports say: for who asks why a picture stutters."""
    async with stage() as run:
        await run.publisher()
        viewer = await run.viewer(reports=False)
        await asyncio.wait_for(viewer.picture, 5)
        session = viewer.ways.session
        assert session is not None
        block = (SSRCS["video"], 64, 250, 70000, 450, 0, 0)
        viewer._send_rtcp(our_rtcp.receiver_report(1, [block]))
        await until(lambda: session.state(0.0)["media"][0]["lost"] == 250)
        assert session.state(0.0)["media"][0]["loss"] == 0.25
        assert run.plane.stats.viewer_lost_packets == 250
        viewer._send_rtcp(our_rtcp.receiver_report(1, [(*block[:2], 260, *block[3:])]))
        await until(lambda: run.plane.stats.viewer_lost_packets == 260)


async def test_a_viewer_s_loss_is_repaired_with_the_same_packet() -> None:
    """Without RTX: the same SSRC and sequence again; a repeated request gets no second copy."""
    async with stage() as run:
        await run.publisher()
        viewer = await run.viewer()
        await asyncio.wait_for(viewer.picture, 5)
        highest = viewer.tracks[SSRCS["video"]].highest
        wanted = [highest - n for n in range(5)]
        # In one datagram, so that they are repeated within no time at all, however busy this machine is.
        viewer._send_rtcp(rtcp.nack(1, SSRCS["video"], [n & 0xFFFF for n in sorted(wanted)]) * 10)
        await until(lambda: viewer.counts().duplicates >= 5)
        await asyncio.sleep(0.1)
        assert viewer.counts().duplicates == 5
        assert viewer.counts().unauthentic == 0
        assert run.plane.stats.retransmitted_packets == 5
        viewer._send_rtcp(rtcp.nack(1, SSRCS["video"], [(highest - 20_000) & 0xFFFF]))
        await until(lambda: run.plane.stats.retransmission_refused > 45)


async def test_a_viewer_s_loss_is_repaired_on_the_rtx_stream_where_there_is_one() -> None:
    """An own SSRC and sequence, and the original sequence number before the payload (RFC 4588)."""
    async with stage() as run:
        await run.publisher()
        rtx = {"rtx_payload_type": 97, "rtx_ssrc": 0x22220001}
        viewer = await run.viewer(media=rtx, kinds=("video",))
        await asyncio.wait_for(viewer.picture, 5)
        highest = viewer.tracks[SSRCS["video"]].highest
        viewer._send_rtcp(rtcp.nack(1, SSRCS["video"], [highest & 0xFFFF]))
        await until(lambda: 0x22220001 in viewer.tracks)
        assert viewer.tracks[0x22220001].payload_type == 97
        assert viewer.counts().duplicates == 0
        assert viewer.counts().unauthentic == 0


class LossyPublisher(TestPublisher):
    """Loses one of twenty packets on the way, when it sends it first."""

    __test__ = False
    count = 0
    lost = 0

    def _send(self, data: bytes, address: tuple[str, int] | None = None) -> bool:
        if 127 < data[0] < 192 and not 191 < data[1] < 224:
            self.count += 1
            if self.count % 20 == 10:
                self.lost += 1
                return True
        return super()._send(data, address)


async def test_a_publisher_s_loss_is_asked_for_and_forwarded_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Viewers see every packet in the end, with the number that it would have had."""
    monkeypatch.setattr("tests.sfu.media_harness.TestPublisher", LossyPublisher)
    async with stage() as run:
        publisher: Any = await run.publisher()
        viewer = await run.viewer(nack=False)
        await asyncio.wait_for(viewer.flowing, 5)
        await asyncio.sleep(1.5)
        assert publisher.lost > 5
        assert publisher.retransmitted > 0
        publisher.pause()
        await until(lambda: not viewer.tracks[SSRCS["video"]].missing)


async def test_keyframe_requests_reach_the_publisher_coalesced() -> None:
    """A hundred within a moment are one or two, and the keyframe reaches all."""
    async with stage(LONG_GROUP) as run:
        publisher = await run.publisher(reacts=True)
        # A viewer who comes before it asks, and the answer to that would be one to the hundred as well.
        await until(lambda: run.plane.stats.keyframes)
        viewer = await run.viewer()
        session = viewer.ways.session
        assert session is not None
        await until(lambda: {each["state"] for each in session.media_state(0)} == {"live"})
        before = publisher.keyframe_requests
        for _ in range(100):
            viewer._send_rtcp(rtcp.picture_loss(1, SSRCS["video"]))
        await until(lambda: publisher.keyframe_requests)
        await asyncio.sleep(0.3)
        assert publisher.keyframe_requests - before <= 2
        assert run.plane.stats.keyframes_requested >= 100


async def test_a_publisher_hears_receiver_reports_and_its_limit() -> None:
    """REMB early and often where it was negotiated, so that a browser ramps up at once."""
    async with stage() as run:
        publisher = await run.publisher(media={"remb": True})
        await until(lambda: publisher.rembs >= 3 and publisher.reports >= 1, 3)


async def test_viewers_with_other_payload_types_get_their_own() -> None:
    """Payload types are per peer (P14): a second egress profile, the same media."""
    async with stage() as run:
        await run.publisher()
        usual = await run.viewer()
        other = await run.viewer(media={"payload_type": 120}, kinds=("video",))
        await asyncio.wait_for(other.flowing, 5)
        await asyncio.wait_for(usual.picture, 5)
        await until(lambda: len(usual.tracks) == 2)
        assert {track.payload_type for track in other.tracks.values()} == {120}
        assert {track.payload_type for track in usual.tracks.values()} == {96, 111}
        assert other.counts().altered == 0


async def test_a_viewer_may_take_one_kind_only() -> None:
    """Audio alone, or video alone."""
    async with stage() as run:
        await run.publisher()
        listener = await run.viewer(kinds=("audio",))
        await asyncio.wait_for(listener.flowing, 5)
        assert set(listener.tracks) == {SSRCS["audio"]}


async def test_without_segmentation_offload_everything_arrives_all_the_same() -> None:
    """Kernels, routes and containers may refuse UDP_SEGMENT."""
    async with stage() as run:
        assert run.plane._udp is not None
        run.plane._udp.gso = False
        await run.publisher()
        viewer = await run.viewer()
        await asyncio.wait_for(viewer.picture, 5)
        assert viewer.counts().gaps == 0


async def test_the_sequence_may_wrap_for_old_and_new_viewers() -> None:
    """Rollover counters begin at 0 for each viewer, wherever the rtp_stream's numbers are."""
    async with stage() as run:
        publisher = await run.publisher()
        room = run.plane._sessions.rooms["abcdefghijklmnop"]
        track = room.tracks["video"]
        # As if the stream had been running for minutes: just before the wrap of its third cycle.
        await until(lambda: track.history.last > 0)
        track._numbering.last = 2 * 65536 + 65400
        track.history.clear()
        track._numbering.new_source()
        viewers = [await run.viewer() for _ in range(2)]
        await asyncio.wait_for(viewers[0].picture, 5)
        await until(lambda: track.history.last > 3 * 65536 + 5, 8)
        late = await run.viewer()
        await asyncio.wait_for(late.picture, 5)
        for viewer in (*viewers, late):
            counts = viewer.counts()
            assert (counts.unauthentic, counts.gaps) == (0, 0)
        assert not publisher.ended.done()
        assert isinstance(late.ways.session.peer.protection, Protection)  # type: ignore[union-attr]  # connected


class TwoLayers(TestPublisher):
    """Sends a small second layer of its video, and that one first; the offer announces both SSRCs."""

    __test__ = False
    low = 0x33330001
    low_index = 100
    high = True
    first = bytes.fromhex("78 0005 6742e01f8c 0004 68ebecb2 003d 6588") + bytes(59)

    def _emit(self, track: Any) -> None:
        payload = track.payloads[track.position]
        begins = track.payloads[track.position - 1].frame != payload.frame
        if track.kind == "video" and self._sender is not None and begins:
            body = self.first if payload.keyframe else b"\x61" + bytes(60)
            timestamp = (track.base + round(track.due() * 90000)) & 0xFFFFFFFF
            header = struct.pack("!BBHII", 0x80, 0x80 | 96, self.low_index & 0xFFFF, timestamp, self.low)
            self._send(self._sender.rtp(header, body, self.low_index))
            self.low_index += 1
        if self.high or track.kind == "audio":
            super()._emit(track)
        else:
            self.paused = True
            super()._emit(track)
            self.paused = False


async def test_of_several_layers_the_one_that_carries_most_is_forwarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes over at a keyframe, and the other one when it falls silent; the viewer sees one unbroken sequence."""
    monkeypatch.setattr("tests.sfu.media_harness.TestPublisher", TwoLayers)
    async with stage() as run:
        publisher: Any = await run.publisher(media={"also": (TwoLayers.low,)})
        session: Any = publisher.ways.session
        source = session.sections[0]
        viewer = await run.viewer()
        await until(lambda: source.active is not None)
        assert source.active.ssrc == publisher.low
        await until(lambda: source.active.ssrc == publisher.ssrc["video"], 6)
        layers = session.state(time.monotonic())["media"][0]["layers"]
        assert [(one["ssrc"], one["forwarded"]) for one in layers] == [
            (source.active.ssrc, True),
            (publisher.low, False),
        ]
        assert layers[0]["kbps"] > 4 * layers[1]["kbps"] > 0
        assert {layer.id: layer.active for layer in run.plane.layers(session.stream)} == {
            str(source.active.ssrc): True,
            str(publisher.low): True,
        }
        await asyncio.wait_for(viewer.picture, 5)
        publisher.high = False
        await until(lambda: source.active.ssrc == publisher.low, 4)
        packets = viewer.counts().packets
        await until(lambda: viewer.counts().packets > packets + 60)
        assert viewer.counts().gaps == 0
        assert viewer.counts().unauthentic == 0
        # The other layer's rate is measured anew within a second.
        await until(lambda: [one["forwarded"] for one in session.media_state(0)[0]["layers"]] == [True, False], 4)


async def test_a_publisher_hears_when_its_packets_arrived_where_it_numbers_them() -> None:
    """Transport-wide feedback within a tenth of a second: padding and gaps too, times as they were sent."""
    media = {"transport_cc": True, "extensions": {TRANSPORT_CC: 5}}
    async with stage() as run:
        publisher = await run.publisher(kinds=("video",), media=media)
        publisher.pause()
        heard: list[rtcp.Packet] = []
        publisher.on_feedback = heard.append  # type: ignore[method-assign,assignment]  # a test's ear
        assert publisher._sender is not None
        index, sent = publisher.tracks[0].index, {}
        for number in range(65530, 65530 + 30):
            if number % 10 == 5:
                continue
            extension = b"\x51" + (number & 0xFFFF).to_bytes(2, "big") + b"\x00"
            header = (
                struct.pack("!BBHIIHH", 0x90, 96, index & 0xFFFF, 7, publisher.ssrc["video"], 0xBEDE, 1) + extension
            )
            packet = publisher._sender.rtp(header, b"" if number % 7 else bytes(50), index)
            before = time.monotonic()
            publisher._send(packet)
            sent[number & 0xFFFF] = before, time.monotonic()
            index += 1
            await asyncio.sleep(0.005)
        told = _Arrived(heard)
        await until(lambda: len(told()) >= 30)
    arrived = {number: at for number, at in told().items() if at is not None}
    assert set(arrived) == set(sent)
    # Each left at some time between the two.
    latest = max(at / TICKS - after for number, at in arrived.items() for _before, after in [sent[number]])
    earliest = min(at / TICKS - before for number, at in arrived.items() for before, _after in [sent[number]])
    assert latest - earliest < 0.02


class _Arrived:
    """What the feedback in *heard* says, by packet."""

    def __init__(self, heard: list[rtcp.Packet]) -> None:
        self._heard = heard

    def __call__(self) -> dict[int, int | None]:
        found: dict[int, int | None] = {}
        for packet in self._heard:
            if (packet.kind, packet.count) == (rtcp.RTPFB, 15):
                (base, times, _number), _end = decode_body(packet.body)
                found |= {base + offset & 0xFFFF: at for offset, at in enumerate(times)}
        return found
