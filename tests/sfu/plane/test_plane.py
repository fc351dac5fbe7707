import asyncio
import gc
import struct
import time
import weakref
from collections.abc import Callable

import pytest
from prometheus_client import Histogram

from sfu.plane.sessions import SLICES
from sfu.transport.peer import MAX_ADDRESSES
from shared.refusals import Code
from tests.peers.protocol import dtls
from tests.sfu.media_harness import PTS, STREAM, RefusedError, Stage, stage


async def until(true: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait for what has no event."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - counters have no event
            await asyncio.sleep(0.01)


class Clock:
    """A monotonic clock that can be put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        """The machine's time, and as much more as the test says."""
        return time.monotonic() + self.ahead


def reasons(run: Stage) -> dict[str, str]:
    """Session id -> why it ended; each ends once."""
    found = {ended.session: ended.reason for ended in run.ended}
    assert len(found) == len(run.ended)
    return found


def total(histogram: Histogram, which: str) -> float:
    """The `_count` or the `_sum` of *histogram*."""
    (metric,) = histogram.collect()
    return next(sample.value for sample in metric.samples if sample.name == metric.name + which)


async def test_a_stream_is_live_from_publish_to_end() -> None:
    """Described, listed, and gone when its publisher goes."""
    async with stage() as run:
        assert run.plane.source(STREAM) is None
        publisher = await run.publisher()
        source = run.plane.source(STREAM)
        assert source is not None
        assert [track.kind for track in source.tracks] == ["video", "audio"]
        await until(lambda: run.plane.source(STREAM).tracks[0].codec.parameters["profile-level-id"] != "42e01f")  # type: ignore[union-attr]  # it is there
        (report,) = run.plane.streams()
        assert (report.stream, report.account, report.epoch, report.viewers) == (STREAM, "acme", 1, 0)
        assert report.silent_ms < 500
        assert publisher.ways.session is not None
        publisher.pause()
        await until(lambda: run.meter.by_account == {"acme": [publisher.octets, 0]})
        assert run.plane.end(publisher.ways.session.id, "delete")
        assert not run.plane.end(publisher.ways.session.id, "delete")
        assert await asyncio.wait_for(publisher.ended, 2) == "close_notify"
        assert run.plane.source(STREAM) is None
        assert run.plane.streams() == []
        assert reasons(run) == {publisher.ways.session.id: "delete"}
        assert run.ended[0].received == publisher.octets


async def test_a_viewer_of_nothing_is_told_that_it_is_offline() -> None:
    """409 with Retry-After, by the signalling."""
    async with stage() as run:
        with pytest.raises(RefusedError) as refused:
            await run.viewer()
        assert refused.value.refused.code is Code.STREAM_OFFLINE


async def test_the_viewer_limit_is_exact() -> None:
    """The third of two is refused, and admitted once one has gone."""
    async with stage() as run:
        await run.publisher()
        first = await run.viewer(viewers=2)
        await run.viewer(viewers=2)
        with pytest.raises(RefusedError) as refused:
            await run.viewer(viewers=2)
        assert refused.value.refused.code is Code.VIEWER_LIMIT_REACHED
        assert set(refused.value.refused.body().values()) >= {2}
        first.hang_up()
        await until(lambda: run.plane.viewers(STREAM) == 1)
        await run.viewer(viewers=2)


async def test_a_full_node_refuses_and_a_takeover_needs_no_room() -> None:
    """NO_CAPACITY for the one too many; replacing a publisher is not one more."""
    async with stage(max_sessions=2) as run:
        await run.publisher()
        await run.viewer()
        with pytest.raises(RefusedError) as refused:
            await run.viewer()
        assert refused.value.refused.code is Code.NO_CAPACITY
        await run.publisher(epoch=2)


async def test_only_a_higher_epoch_takes_a_live_stream_over() -> None:
    """A lower or equal one is fenced off; after the end the same epoch may come back, a lower one may not."""
    async with stage() as run:
        publisher = await run.publisher(epoch=5)
        for epoch in (4, 5):
            with pytest.raises(RefusedError) as refused:
                await run.publisher(epoch=epoch)
            assert refused.value.refused.code is Code.INVALID_GRANT
        publisher.hang_up()
        await until(lambda: run.plane.source(STREAM) is None)
        with pytest.raises(RefusedError):
            await run.publisher(epoch=4)
        await run.publisher(epoch=5)


async def test_viewers_stay_over_a_takeover_and_see_one_stream() -> None:
    """One SSRC, no gap in the sequence, no jump back in time, a keyframe from the new publisher."""
    async with stage() as run:
        old = await run.publisher(epoch=1)
        viewer = await run.viewer()
        await asyncio.wait_for(viewer.picture, 5)
        await asyncio.sleep(0.3)
        before = {ssrc: track.timestamp for ssrc, track in viewer.tracks.items()}
        new = await run.publisher(epoch=2)
        assert await asyncio.wait_for(old.ended, 2) == "close_notify"
        packets = viewer.counts().packets
        await until(lambda: viewer.counts().packets > packets + 100)
        counts = viewer.counts()
        assert (counts.gaps, counts.duplicates, counts.altered, counts.unauthentic) == (0, 0, 0, 0)
        assert set(viewer.tracks) == set(before)
        for ssrc, track in viewer.tracks.items():
            step = (track.timestamp - before[ssrc]) & 0xFFFFFFFF
            assert 0 < step < 90000 * 10
        assert old.ways.session is not None
        assert reasons(run)[old.ways.session.id] == "superseded"
        assert new.ways.session is not None
        assert not viewer.ended.done()


async def test_viewers_outlive_their_publisher_and_go_on_with_the_next_one() -> None:
    """An encoder that lost its network comes back within the grace; after it they are ended."""
    clock = Clock()
    async with stage(clock=clock) as run:
        first = await run.publisher()
        viewer = await run.viewer()
        await asyncio.wait_for(viewer.picture, 5)
        first.hang_up()
        await until(lambda: run.plane.source(STREAM) is None)
        packets = viewer.counts().packets
        second = await run.publisher()
        await until(lambda: viewer.counts().packets > packets + 50)
        assert viewer.counts().gaps == 0
        second.hang_up()
        await until(lambda: run.plane.source(STREAM) is None)
        for _ in range(4):
            clock.ahead += 8
            viewer._check()
            await asyncio.sleep(0.15)
        assert await asyncio.wait_for(viewer.ended, 3) == "close_notify"
        assert viewer.ways.session is not None
        assert reasons(run)[viewer.ways.session.id] == "publisher_gone"


async def test_a_killed_publisher_is_silent_at_once_and_ended_after_ten_seconds() -> None:
    """Silence is told within half a second, so that its key can be used again; the slot is free in the end."""
    clock = Clock()
    async with stage(clock=clock) as run:
        publisher = await run.publisher()
        await asyncio.sleep(0.2)
        told: list[int] = []
        run.told.listeners.append(lambda: told.append(run.plane.streams()[0].silent_ms if run.plane.streams() else 0))
        publisher.vanish()
        await until(lambda: any(silent >= 500 for silent in told))
        # By itself and at once: it looks ten times a second. What the machine adds is seen in the silence, too.
        assert next(silent for silent in told if silent >= 500) < 1500
        clock.ahead += 10
        await until(lambda: bool(run.ended), 2)
        assert run.ended[0].reason == "timeout"


async def test_a_viewer_that_sends_nothing_but_checks_stays() -> None:
    """Consent checks alone keep it; without them it is gone after ten seconds."""
    clock = Clock()
    async with stage(clock=clock) as run:
        publisher = await run.publisher()
        viewer = await run.viewer(reports=False, nack=False, picture_loss=False)
        for _ in range(4):
            clock.ahead += 6
            viewer._check()
            await until(lambda: run.plane.streams() and run.plane.streams()[0].silent_ms < 500)
            await asyncio.sleep(0.1)
        assert not run.ended
        for more in (6, 5):  # in two steps, so that the publisher is heard in between
            clock.ahead += more
            await until(lambda: run.ended or run.plane.streams()[0].silent_ms < 500)
        await until(lambda: run.ended)
        assert [ended.action for ended in run.ended] == ["play"]
        assert not publisher.ended.done()


async def test_who_never_connects_is_ended_after_ten_seconds() -> None:
    """10,000 POSTs without media leave nothing behind."""
    clock = Clock()
    async with stage(clock=clock) as run:
        publisher = await run.publisher()
        run.posted()
        assert run.plane.viewers(STREAM) == 1
        clock.ahead += 5
        await until(lambda: run.plane.streams()[0].silent_ms < 500)
        clock.ahead += 5.5
        await until(lambda: run.plane.viewers(STREAM) == 0, 3)
        assert "ice_timeout" in reasons(run).values()
        assert not publisher.ended.done()


async def test_a_command_ends_a_stream_or_an_account_with_all_who_watch() -> None:
    """Publishers and viewers; each hears close_notify, viewers a BYE as well."""
    async with stage() as run:
        publisher = await run.publisher()
        viewer = await run.viewer()
        await asyncio.wait_for(viewer.flowing, 5)
        assert run.plane.end_where(account="acme", reason="QUOTA_EXCEEDED") == 2
        assert await asyncio.wait_for(publisher.ended, 2) == "close_notify"
        assert await asyncio.wait_for(viewer.ended, 2) == "close_notify"
        assert viewer.byes == 1
        assert set(reasons(run).values()) == {"QUOTA_EXCEEDED"}
        assert run.plane.end_where(stream=STREAM, reason="again") == 0


@pytest.mark.parametrize("profile", [dtls.Profile.GCM, dtls.Profile.CM])
@pytest.mark.parametrize("setup", ["actpass", "passive"])
async def test_bytes_are_metered_exactly(profile: dtls.Profile, setup: str) -> None:
    """As the clients count them: UDP payload of RTP, both ways, in both DTLS roles and both ciphers."""
    async with stage(profiles=(profile,)) as run:
        publisher = await run.publisher(setup=setup)
        await asyncio.sleep(0.4)
        viewers = [await run.viewer(setup=setup) for _ in range(3)]
        await asyncio.gather(*(asyncio.wait_for(viewer.picture, 5) for viewer in viewers))
        await asyncio.sleep(0.4)
        publisher.pause()
        await until(lambda: run.meter.by_account == {"acme": [publisher.octets, sum(each.octets for each in viewers)]})
        sent = sum(viewer.counts().octets for viewer in viewers)
        assert run.meter.by_stream == {STREAM: [publisher.octets, sent]}
        assert all(viewer.counts().unauthentic == 0 for viewer in viewers)
        for viewer in viewers:
            viewer.hang_up()
        await until(lambda: len(run.ended) == 3)
        assert sum(ended.sent for ended in run.ended) == sent
        # Neither the rounds of each second nor the ends counted anything once more.
        assert publisher.ways.session is not None
        assert run.plane.end(publisher.ways.session.id, "delete")
        assert run.meter.by_account == {"acme": [publisher.octets, sent]}


async def test_bytes_that_go_nowhere_are_metered_while_the_session_lasts() -> None:
    """Packets of a payload type that was not negotiated: they came, whoever sent them pays, and the quota sees them now."""
    async with stage() as run:
        publisher = await run.publisher()
        for track in publisher.tracks:
            track.payload_type = 99
        await until(lambda: run.plane.stats.dropped_rtp > 50)
        publisher.pause()
        await until(lambda: run.meter.by_account == {"acme": [publisher.octets, 0]})
        assert run.ended == []
        assert publisher.ways.session is not None
        assert run.plane.end(publisher.ways.session.id, "delete")
        assert run.meter.by_account == {"acme": [publisher.octets, 0]}


async def test_1b_05_a_viewer_may_wait_for_its_publisher() -> None:
    """It is connected by then, and has a picture as soon as there is one; nobody waits for ever."""
    async with stage() as run:
        viewer = await run.viewer(wait=5.0)
        assert run.plane.streams() == []
        assert list(run.plane.stranded()) == [STREAM]
        await run.publisher()
        await asyncio.wait_for(viewer.picture, 5)
        assert viewer.counts().missing == 0

    clock = Clock()
    async with stage(clock=clock) as run:
        viewer = await run.viewer(wait=9.0)
        clock.ahead += 7.0
        await asyncio.sleep(0.2)
        assert not viewer.ended.done()
        checks = run.plane.stats.checks
        viewer._check()
        await until(lambda: run.plane.stats.checks > checks)
        clock.ahead += 3.0
        await asyncio.wait_for(viewer.ended, 3)
        assert list(reasons(run).values()) == ["publisher_gone"]


async def test_a_viewer_that_changes_its_address_goes_on() -> None:
    """From Wi-Fi to mobile: within one check."""
    async with stage() as run:
        await run.publisher()
        viewer = await run.viewer()
        await asyncio.wait_for(viewer.picture, 5)
        for _ in range(MAX_ADDRESSES + 4):
            packets = viewer.counts().packets
            viewer.roam()
            await until(lambda packets=packets: viewer.counts().packets > packets + 5)  # type: ignore[misc]  # lambda defaults
        assert len(run.plane._ingress._by_address) <= MAX_ADDRESSES + 2


async def test_how_long_first_packets_and_pictures_took_is_counted() -> None:
    """Once a session, from the POST: a viewer that takes sound only has no picture to count."""
    async with stage() as run:
        await run.publisher()
        for kinds in (("video", "audio"), ("audio",)):
            viewer = await run.viewer(kinds=kinds)
            await until(lambda viewer=viewer: len(viewer.tracks) == len(viewer.kinds))  # type: ignore[misc]  # bound at once
        stats = run.plane.stats

        def counted() -> list[float]:
            kinds = (stats.publish_first_packet, stats.play_first_packet, stats.play_first_keyframe)
            return [total(each, "_count") for each in kinds]

        await until(lambda: counted() == [1, 2, 1])
        assert 0 < total(stats.play_first_keyframe, "_sum") < 5
        await asyncio.sleep(1.1)
        assert counted() == [1, 2, 1]


async def test_a_state_says_how_far_a_session_came() -> None:
    """Why is it black: each stage in order."""
    async with stage() as run:
        publisher = await run.publisher()
        viewer = await run.viewer()
        await asyncio.wait_for(viewer.picture, 5)
        assert publisher.ways.session is not None
        assert viewer.ways.session is not None
        now = time.monotonic()
        state = publisher.ways.session.state(now)
        assert state["ice"]["state"] == "connected"
        assert state["dtls"]["srtp"] == "SRTP_AEAD_AES_128_GCM"
        assert state["media"][0]["profile_level_id"] is not None
        assert state["media"][0]["group_cached"]
        assert 0 < state["media"][0]["first_keyframe_after"] < 5
        await until(lambda: viewer.ways.session.state(now)["media"][0]["state"] == "live")  # type: ignore[union-attr]  # it is there
        seen = viewer.ways.session.state(now)["media"][0]
        assert 0 < seen["first_packet_after"] == seen["first_keyframe_after"] < 5
        assert (seen["codec"], seen["loss"]) == ("H264", 0.0)
        assert seen["negotiated"]["profile-level-id"]
        assert seen["profile_level_id"]
        await until(
            lambda: viewer.ways.session is not None and viewer.ways.session.state(0)["media"][0]["kbps"] > 100, 4
        )


async def test_the_round_trip_is_worked_out_from_a_viewer_s_reports() -> None:
    """RFC 3550, section 6.4.1: now, less the time of the last sender report, less what the viewer kept it."""
    async with stage() as run:
        await run.publisher()
        viewer = await run.viewer(reports=False)  # but for the one below
        session = viewer.ways.session
        await asyncio.wait_for(viewer.picture, 5)
        assert session is not None
        assert session.state(0)["round_trip_ms"] is None
        (ssrc,) = (track.ssrc for track in viewer.tracks.values() if track.payload_type == PTS["video"])
        sent = int((time.time() - 0.35 + 2208988800) * 65536) & 0xFFFFFFFF
        kept = int(0.25 * 65536)
        began = time.monotonic()
        viewer._send_rtcp(struct.pack("!BBHIIIIIII", 0x81, 201, 7, 1, ssrc, 25 << 24 | 7, 1000, 9, sent, kept))
        await until(lambda: session.round_trip is not None)
        state = session.state(0)
        assert 95 < state["round_trip_ms"] < 110 + (time.monotonic() - began) * 1000
        assert [(one["loss"], one["lost"]) for one in state["media"] if one["kind"] == "video"] == [(0.0977, 7)]


async def test_an_ice_restart_moves_to_the_new_credentials() -> None:
    """Both are good until the new ones are used, then only those."""
    async with stage() as run:
        await run.publisher()
        viewer = await run.viewer()
        await asyncio.wait_for(viewer.picture, 5)
        session = viewer.ways.session
        assert session is not None
        fresh = run.plane.new_credentials()
        assert run.plane.restart(session.id, fresh)
        assert not run.plane.restart("nobody", fresh)
        checks = run.plane.stats.checks
        viewer._check()
        await until(lambda: run.plane.stats.checks > checks)
        assert len(session.peer.passwords) == 2
        assert viewer.answer is not None
        old = viewer.answer
        viewer.answer = type(old)(fresh.ufrag, fresh.pwd, old.fingerprint, old.setup, old.candidates, old.sections)
        viewer.roam()
        await until(lambda: session.peer.passwords == {fresh.ufrag: fresh.pwd})
        packets = viewer.counts().packets
        await until(lambda: viewer.counts().packets > packets + 20)


async def test_joins_and_leaves_leave_nothing_behind() -> None:
    """No table grows, and no session is held by anything once it has ended."""
    async with stage() as run:
        await run.publisher()
        sessions = []
        for _ in range(20):
            viewer = await run.viewer()
            sessions.append(weakref.ref(viewer.ways.session))
            viewer.hang_up()
            viewer.vanish()
            viewer.ways.session = None
            del viewer
        posted = [run.posted() for _ in range(50)]
        for peer in posted:
            session = peer.ways.session
            assert session is not None
            sessions.append(weakref.ref(session))
            run.plane.end(session.id, "test")
            peer.ways.session = None
        del session, peer, posted
        await until(lambda: run.plane.viewers(STREAM) == 0)
        gc.collect()
        assert [reference() for reference in sessions if reference() is not None] == []
        ingress = run.plane._ingress
        assert (len(ingress._by_ufrag), len(ingress._by_address), len(ingress.half_open)) == (1, 1, 0)
        assert sum(len(run.plane._sessions.slice(n)) for n in range(SLICES)) == len(run.plane._sessions) == 1
        (room,) = run.plane._sessions.rooms.values()
        assert all(not track.viewers._rtp_streams and not track.viewers._waiting for track in room.tracks.values())
