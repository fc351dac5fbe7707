"""The peers against a server that is not ours: what they say of Sluice is worth as much as this."""

import asyncio
from array import array
from contextlib import AsyncExitStack

import pytest

from tests.peers import peer
from tests.peers.clips import clip, stamps
from tests.peers.protocol import dtls, rtcp, whip
from tests.peers.publisher import Publisher
from tests.peers.viewer import Viewer

pytestmark = pytest.mark.stack  # not beside other tests: what a loaded machine loses is not the server's
RECIPE = clip.Recipe(seconds=4)
BOTH = (dtls.Profile.GCM, dtls.Profile.CM)


async def watch(host: peer.Host, url: str, video: clip.Clip, table: "memoryview[float]", setup: peer.Setup) -> Viewer:
    """A viewer, once MediaMTX has seen enough of the publisher to have a stream."""
    for _ in range(50):
        viewer = Viewer(host, url, video, table, setup=setup)
        try:
            await viewer.connect()
        except whip.Refused:
            await asyncio.sleep(0.05)
            continue
        return viewer
    pytest.fail("MediaMTX has no stream after 2.5 s")


@pytest.mark.parametrize(
    ("setup", "profiles"),
    [("actpass", BOTH), ("active", BOTH), ("passive", BOTH), ("passive", (dtls.Profile.CM,))],
    ids=["actpass", "active", "passive", "passive-aes-cm"],
)
async def test_every_packet_arrives_as_it_was_sent(
    mediamtx: str, setup: peer.Setup, profiles: tuple[dtls.Profile, ...]
) -> None:
    """Publisher to MediaMTX to viewers: nothing lost, nothing twice, a picture for each, latency plausible."""
    video = clip.load(RECIPE)
    table = stamps.table(video)
    url = f"{mediamtx}/{setup}{len(profiles)}"
    async with AsyncExitStack() as stack:
        host = await stack.enter_async_context(peer.host(profiles))
        publisher = await stack.enter_async_context(Publisher(host, f"{url}/whip", video, table, setup=setup))
        viewers = [await watch(host, f"{url}/whep", video, table, setup) for _ in range(3)]
        latencies = array("d")
        for viewer in viewers:
            stack.push_async_callback(viewer.close)
            viewer.latencies = latencies
        await asyncio.wait_for(asyncio.gather(*(viewer.picture for viewer in viewers)), 5)
        publisher.pause()
        await asyncio.sleep(0.3)

        assert publisher.keys is not None
        assert publisher.keys.profile in profiles
        assert 0 < min(latencies) < max(latencies) < 1
        for viewer in viewers:
            counts = viewer.counts()
            assert counts.packets > 50
            assert (counts.missing, counts.duplicates, counts.unauthentic) == (0, 0, 0)
            # MediaMTX changes the first octet of each STAP-A (see Viewer._find), one a keyframe.
            assert counts.altered <= 3
            assert len(viewer.tracks) == 2


async def test_a_viewer_of_nothing_is_refused_with_the_answer_at_hand(mediamtx: str) -> None:
    """The status and body of a refusal are the caller's to look at."""
    video = clip.load(RECIPE)
    async with peer.host() as host:
        viewer = Viewer(host, f"{mediamtx}/nothing/whep", video, stamps.table(video))
        with pytest.raises(whip.Refused) as refused:
            await viewer.connect()
    assert refused.value.status == 404
    assert "no stream is available" in refused.value.body


async def test_the_end_of_the_publisher_is_noticed(mediamtx: str) -> None:
    """MediaMTX closes its viewers by close_notify when the publisher deletes its session."""
    video = clip.load(RECIPE)
    table = stamps.table(video)
    async with peer.host() as host:
        async with Publisher(host, f"{mediamtx}/ends/whip", video, table):
            viewer = await watch(host, f"{mediamtx}/ends/whep", video, table, "actpass")
            await asyncio.wait_for(viewer.flowing, 5)

        assert await asyncio.wait_for(viewer.ended, 5) == "close_notify"


async def test_a_publisher_that_reacts_gives_a_keyframe_when_asked(mediamtx: str) -> None:
    """With a keyframe every 4 s, the viewer has its picture long before the next one is due."""
    video = clip.load(clip.Recipe(seconds=4, gop_seconds=4))
    table = stamps.table(video)
    async with (
        peer.host() as host,
        Publisher(host, f"{mediamtx}/reacts/whip", video, table, reacts=True) as publisher,
    ):
        viewer = await watch(host, f"{mediamtx}/reacts/whep", video, table, "actpass")
        await asyncio.wait_for(viewer.flowing, 5)
        # MediaMTX passes no request on: what it would send is handed in here.
        publisher.on_feedback(next(rtcp.parse(rtcp.picture_loss(1, publisher.ssrc["video"]))))
        await asyncio.wait_for(viewer.picture, 1)

        assert publisher.keyframe_requests > 0
        viewer.vanish()
