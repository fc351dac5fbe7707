"""A viewer whose SRTP is ready later than its DTLS loses what comes between, and gets its picture from the cache all the same."""

import asyncio
import time

import pytest

from sfu.media.track_viewers import UNDERWAY
from tests.peers.clips import clip
from tests.peers.protocol import rtcp
from tests.sfu.media_harness import SSRCS, STREAM, Stage, TestViewer, stage
from tests.sfu.plane.test_plane import until

ONE_GROUP = clip.Recipe(seconds=8, gop_seconds=8.0, video_kbps=800, width=320, height=192)
LATE = 0.08


class LateViewer(TestViewer):
    """Its DTLS is a task of its own that hands the keys over some time after the last message (aiortc)."""

    __test__ = False

    def on_secured(self) -> None:
        """What comes until then is lost."""
        keys, self._receiver = self._receiver, None
        super().on_secured()
        self._later(LATE, lambda: setattr(self, "_receiver", keys))


async def ignoring(run: Stage) -> None:
    """A publisher that is known to ignore requests for keyframes, in the middle of its group."""
    await run.publisher()
    track = run.plane._sessions.rooms[STREAM].tracks["video"]
    await until(lambda: track.history.group is not None)
    track.keyframes.ask()
    await until(lambda: track.keyframes.ignored(time.monotonic()))


async def test_a_viewer_whose_keys_are_late_has_a_picture_within_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its burst is over before it can read; its request is answered from the cached group, with numbers that go on."""
    monkeypatch.setattr("tests.sfu.media_harness.TestViewer", LateViewer)
    async with stage(ONE_GROUP) as run:
        await ignoring(run)
        viewer = await run.viewer(kinds=("video",), nack=False)
        picture = await asyncio.wait_for(viewer.picture, 3)
        assert viewer.early > 10
        assert picture - viewer.at.secured < 1.0
        session = viewer.ways.session
        assert session is not None
        await until(lambda: session.media_state(0)[0]["state"] == "live")
        counts = viewer.counts()
        assert (counts.missing, counts.duplicates, counts.altered, counts.unauthentic) == (0, 0, 0, 0)
        # All that was sent is billed: the burst that was lost, too.
        billed = run.meter.by_account["acme"]
        await until(lambda: billed[1] >= session.totals()[1] > 0)
        assert session.totals()[1] > viewer.octets


async def test_who_asks_for_pictures_without_a_reason_gets_no_replay() -> None:
    """After its first seconds a viewer that has told of no loss is asked for at the source, as before."""
    async with stage(ONE_GROUP) as run:
        await ignoring(run)
        viewer = await run.viewer(kinds=("video",), reports=False)
        await asyncio.wait_for(viewer.picture, 3)
        session = viewer.ways.session
        assert session is not None
        await until(lambda: session.media_state(0)[0]["state"] == "live")
        outgoing = session.sections[0].outgoing  # type: ignore[attr-defined]  # it is a viewer's
        outgoing.began -= 3.0
        await until(lambda: time.monotonic() - outgoing.restarted > UNDERWAY)
        asked = run.plane.stats.keyframes_requested
        for _ in range(3):
            viewer._send_rtcp(rtcp.picture_loss(1, SSRCS["video"]))
        await until(lambda: run.plane.stats.keyframes_requested == asked + 3)
        assert outgoing.replayed == 0
        # A loss that it could not get repaired is one.
        viewer._send_rtcp(rtcp.nack(1, SSRCS["video"], [(viewer.tracks[SSRCS["video"]].highest - 20_000) & 0xFFFF]))
        viewer._send_rtcp(rtcp.picture_loss(1, SSRCS["video"]))
        await until(lambda: outgoing.replayed == 1)
        await until(lambda: session.media_state(0)[0]["state"] == "live")
        assert viewer.counts().unauthentic == 0
