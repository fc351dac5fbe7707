"""An encoder that begins anew within its session is one source: seen at its first keyframe, by those who are there and who join."""

import asyncio
import secrets
import struct
from typing import Any

import pytest

from tests.sfu.media_harness import LONG_GROUP, SMALL, SSRCS, STREAM, TestPublisher, stage
from tests.sfu.plane.test_plane import until


class Restarting(TestPublisher):
    """An encoder with a group of 4 s that ignores keyframe requests, and can begin anew."""

    __test__ = False
    held: "list[bytes] | None" = None
    order: tuple[int, ...] = ()

    def restart(self, *, leap: int = 0, bye: bool = False, order: tuple[int, ...] = ()) -> None:
        """Number anew by *leap*, or with other SSRCs where it is 0; the first packets of the picture in *order*."""
        if bye:
            self.bye()
        self.order = order
        self.held = [] if order else None
        for track in self.tracks:
            if leap:
                track.index += leap
            else:
                track.ssrc, track.index = secrets.randbits(32), secrets.randbits(15)
                self._by_ssrc[track.ssrc] = track
            track.base = secrets.randbits(32)
            track.history.clear()
            track.unsent.clear()
        self._to_keyframe()

    def bye(self) -> None:
        """Take leave of the SSRCs."""
        assert self._sender is not None
        ssrcs = [track.ssrc for track in self.tracks]
        report = struct.pack("!BBHI", 0x80, 201, 1, ssrcs[0])
        self._send(
            self._sender.rtcp(report + struct.pack(f"!BBH{len(ssrcs)}I", 0x80 | len(ssrcs), 203, len(ssrcs), *ssrcs))
        )

    def _send(self, data: bytes, address: tuple[str, int] | None = None) -> bool:
        if self.held is not None and 127 < data[0] < 192 and data[1] & 0x7F == 96:
            self.held.append(data)
            if len(self.held) < len(self.order):
                return True
            held, self.held = self.held, None
            for place in self.order:
                super()._send(held[place])
            return True
        return super()._send(data, address)


WAYS: dict[str, dict[str, Any]] = {
    "numbers far ahead": {"leap": 20000},
    "numbers far ahead, the first packet late": {"leap": 20000, "order": (1, 2, 0)},
    "numbers near, by their time alone": {"leap": 20},
    "another SSRC": {},
    "another SSRC, its first packets in reverse": {"order": (2, 1, 0)},
    "another SSRC, after a BYE": {"bye": True},
}


@pytest.mark.parametrize("way", WAYS)
async def test_who_watches_and_who_joins_see_the_first_keyframe_of_an_encoder_that_began_anew(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No gap and nothing altered for the one, a picture within a second for the other; the state tells of one source."""
    monkeypatch.setattr("tests.sfu.media_harness.TestPublisher", Restarting)
    async with stage(LONG_GROUP) as run:
        publisher: Any = await run.publisher()
        viewer = await run.viewer()
        await asyncio.wait_for(viewer.picture, 5)
        await asyncio.sleep(0.5)
        publisher.restart(**WAYS[way])
        track = run.plane._sessions.rooms[STREAM].tracks["video"]
        began = track.last_keyframe
        await until(lambda: track.last_keyframe != began, 1.0)
        joiner = await run.viewer()
        await asyncio.wait_for(joiner.picture, 1.0)
        packets = viewer.counts().packets
        await until(lambda: viewer.counts().packets > packets + 60)
        for one in (viewer, joiner):
            counts = one.counts()
            assert (counts.gaps, counts.duplicates, counts.altered, counts.unauthentic) == (0, 0, 0, 0)
            assert set(one.tracks) == set(SSRCS.values())
        assert publisher.ways.session is not None
        for kind in publisher.ways.session.media_state(0.0):
            assert [layer["forwarded"] for layer in kind["layers"]] == [True]
            assert kind["lost"] == 0


async def test_a_goodbye_that_comes_late_and_old_packets_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the SSRC that was replaced: its last packets after the new one's first, its BYE a second later."""
    monkeypatch.setattr("tests.sfu.media_harness.TestPublisher", Restarting)
    async with stage() as run:
        publisher: Any = await run.publisher()
        viewer = await run.viewer()
        await asyncio.wait_for(viewer.picture, 5)
        old = [(track.ssrc, track.index) for track in publisher.tracks]
        publisher.restart()
        session: Any = publisher.ways.session
        await until(lambda: all(source.active.ssrc not in dict(old) for source in session.sections))
        assert publisher._sender is not None
        for step in range(4):
            for track, (ssrc, index) in zip(publisher.tracks, old, strict=True):
                second = track.payload_type | 0x80
                header = struct.pack("!BBHII", 0x80, second, (index + step) & 0xFFFF, track.timestamp, ssrc)
                publisher._send(publisher._sender.rtp(header, b"\x65\x88" + bytes(50), index + step))
        report = struct.pack("!BBHI", 0x80, 201, 1, old[0][0])
        publisher._send(publisher._sender.rtcp(report + struct.pack("!BBHI", 0x81, 203, 1, old[0][0])))
        packets = viewer.counts().packets
        await until(lambda: viewer.counts().packets > packets + 100)
        counts = viewer.counts()
        assert (counts.gaps, counts.altered) == (0, 0)
        assert not publisher.ended.done()


async def test_an_encoder_may_begin_anew_a_hundred_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its SSRCs is seen; those that are over are forgotten."""
    monkeypatch.setattr("tests.sfu.media_harness.TestPublisher", Restarting)
    async with stage(SMALL) as run:
        publisher: Any = await run.publisher()
        viewer = await run.viewer()
        await asyncio.wait_for(viewer.picture, 5)
        session: Any = publisher.ways.session
        for _ in range(100):
            publisher.restart()
            await until(lambda: [s.active.ssrc for s in session.sections] == [t.ssrc for t in publisher.tracks])
        packets = viewer.counts().packets
        await until(lambda: viewer.counts().packets > packets + 60)
        assert viewer.counts().gaps == 0
        assert len(session.ssrcs) <= 32
