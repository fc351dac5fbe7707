"""A node as a process of its own, with peers that share no code with it and a control plane of one page."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from shared.grants import Action
from tests.bench import machine, servers
from tests.bench.fake_api import FakeApi
from tests.bench.servers import Server
from tests.peers import peer
from tests.peers.clips import clip, stamps
from tests.peers.lossy import Lossy, Network
from tests.peers.protocol import dtls
from tests.peers.publisher import Publisher
from tests.peers.viewer import Viewer

pytestmark = pytest.mark.stack  # not beside all the others: these are processes that want a processor
RECIPE = clip.Recipe(seconds=4)
BOTH = (dtls.Profile.GCM, dtls.Profile.CM)


@pytest.fixture
async def node() -> AsyncIterator[Server]:
    """A `python -m sfu` that is ready to take sessions."""
    async with servers.start("sluice", machine.cores()[0]) as server:
        yield server


def api_of(node: Server) -> FakeApi:
    """The control plane that the node talks to."""
    assert node.api is not None
    return node.api


async def until_metered(api: FakeApi, expected: tuple[int, int]) -> tuple[int, int]:
    """The totals that the queue has, as soon as they are *expected* or three reports later."""
    for _ in range(150):
        if api.totals() == expected:
            break
        await asyncio.sleep(0.05)
    return api.totals()


@pytest.mark.parametrize(
    ("setup", "profiles"),
    [("actpass", BOTH), ("active", BOTH), ("passive", BOTH), ("passive", (dtls.Profile.CM,))],
    ids=["actpass", "active", "passive", "passive-aes-cm"],
)
async def test_bytes_are_counted_exactly(node: Server, setup: peer.Setup, profiles: tuple[dtls.Profile, ...]) -> None:
    """What peers sent and got is what the queue hears, to the byte: losses on the way up and repetitions to viewers included.

    What was lost on the way up comes twice, as from any publisher whose answer to a NACK takes longer than our patience:
    the second is a replay, which SRTP refuses and nobody pays for.
    """
    video = clip.load(RECIPE)
    table = stamps.table(video)
    stream = node.new_stream()
    async with peer.host(profiles) as host:
        publisher = Publisher(host, node.whip(stream), video, table, setup=setup, skip_every=40, copies=2)
        async with publisher:
            viewers = [Viewer(host, node.whep(stream), video, table, setup=setup) for _ in range(3)]
            async with AsyncExitStack() as stack:
                for viewer in viewers:
                    await stack.enter_async_context(viewer)
                await asyncio.wait_for(asyncio.gather(*(viewer.picture for viewer in viewers)), 5)
                viewers[0].ask_again(5)
                await asyncio.sleep(1.0)
                publisher.pause()
                await asyncio.sleep(0.3)
                async with asyncio.timeout(5):
                    while any(viewer.counts().missing for viewer in viewers):  # noqa: ASYNC110 - counters have no event
                        await asyncio.sleep(0.05)

        assert publisher.replays > 0
        assert viewers[0].counts().duplicates > 0
        for viewer in viewers:
            counts = viewer.counts()
            assert (counts.missing, counts.altered, counts.unauthentic, viewer.early) == (0, 0, 0, 0)
        expected = publisher.octets, sum(viewer.octets for viewer in viewers)
        assert await until_metered(api_of(node), expected) == expected


async def test_loss_is_made_good_in_both_directions(node: Server) -> None:
    """5 % loss, 50 ms and 10 ms of jitter at a viewer, each 40th packet lost on the way up: nothing is missing."""
    video = clip.load(RECIPE)
    table = stamps.table(video)
    stream = node.new_stream()
    relay = Lossy(Network(), seed=3)
    async with (
        peer.host() as host,
        Publisher(host, node.whip(stream), video, table, skip_every=40) as publisher,
        Viewer(host, node.whep(stream), video, table, via=relay) as viewer,
    ):
        await asyncio.sleep(3)
        publisher.pause()
        async with asyncio.timeout(5):
            await asyncio.sleep(0.5)  # what is on its way
            while viewer.counts().missing:  # noqa: ASYNC110 - counters have no event
                await asyncio.sleep(0.05)

        assert relay.lost > 20
        assert viewer.counts().gaps > 20
        assert viewer.counts().missing == 0


async def test_viewers_go_on_when_the_publisher_is_replaced(node: Server) -> None:
    """A higher epoch takes the stream over: same SSRCs, no hole in the sequence, no second handshake."""
    video = clip.load(RECIPE)
    table = stamps.table(video)
    stream = node.new_stream()
    api = api_of(node)
    async with peer.host() as host:
        first = Publisher(host, node.whip(stream), video, table)
        await first.connect()
        async with Viewer(host, node.whep(stream), video, table) as viewer:
            await asyncio.wait_for(viewer.picture, 5)
            url = node.whip(stream).partition("?")[0]
            second = Publisher(host, f"{url}?grant={api.grant(stream, Action.PUBLISH, epoch=2)}", video, table)
            async with second:
                assert await asyncio.wait_for(first.ended, 5) == "close_notify"
                before = viewer.counts().packets
                await asyncio.sleep(1.5)

                assert len(viewer.tracks) == 2
                assert viewer.counts().packets > before + 100
                assert viewer.counts().missing == 0
                assert not viewer.ended.done()


async def test_a_viewer_may_change_its_address(node: Server) -> None:
    """Another port, as after a change of network: media goes on after one check."""
    video = clip.load(RECIPE)
    table = stamps.table(video)
    stream = node.new_stream()
    async with (
        peer.host() as host,
        Publisher(host, node.whip(stream), video, table),
        Viewer(host, node.whep(stream), video, table) as viewer,
    ):
        await asyncio.wait_for(viewer.picture, 5)
        viewer.roam()
        before = viewer.counts().packets
        await asyncio.sleep(1)

        assert viewer.counts().packets > before + 150
        assert viewer.counts().missing == 0


@pytest.mark.alone
async def test_a_picture_comes_at_once_from_an_encoder_that_ignores_requests(node: Server) -> None:
    """A keyframe each 4 s, none on request: a viewer that comes in between has one within half a second, and no hole after it."""
    video = clip.load(clip.Recipe(seconds=4, gop_seconds=4))
    table = stamps.table(video)
    stream = node.new_stream()
    async with peer.host() as host, Publisher(host, node.whip(stream), video, table):
        await asyncio.sleep(1.5)
        async with Viewer(host, node.whep(stream), video, table) as viewer:
            arrived = await asyncio.wait_for(viewer.picture, 1)
            await asyncio.sleep(1)

            assert arrived - viewer.at.posted < 0.5
            assert viewer.counts().missing == 0
            assert viewer.counts().altered == 0


async def test_a_session_ends_by_delete_and_by_close_notify(node: Server) -> None:
    """A viewer's DELETE, then a publisher's close_notify: afterwards the session URLs lead nowhere."""
    video = clip.load(RECIPE)
    table = stamps.table(video)
    stream = node.new_stream()
    async with peer.host() as host:
        publisher = Publisher(host, node.whip(stream), video, table)
        await publisher.connect()
        viewer = Viewer(host, node.whep(stream), video, table)
        await viewer.connect()
        await asyncio.wait_for(viewer.flowing, 5)
        await viewer.close()
        publisher.hang_up()

        assert viewer.counts().missing == 0
        assert await until_gone(host, viewer)
        assert await until_gone(host, publisher)
        publisher.vanish()


async def until_gone(host: peer.Host, of: peer.Peer) -> bool:
    """Whether the session URL is 404 within a second."""
    assert of.created is not None
    for _ in range(20):
        async with host.http.get(of.created.session) as response:
            if response.status == 404:
                return True
        await asyncio.sleep(0.05)
    return False
