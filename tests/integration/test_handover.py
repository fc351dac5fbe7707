"""A node that is to be empty hands its publishers and viewers over to the other one, over the whole stack."""

import asyncio
import json
import os
import re
import signal
import sys
import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from local import settings
from local.process.processes import ROOT
from shared.tiers import Tier
from tests.integration.test_documented_codes import Client
from tests.peers import peer
from tests.peers.clips import clip, stamps
from tests.peers.protocol import whip
from tests.peers.publisher import Publisher
from tests.peers.viewer import Viewer

pytestmark = pytest.mark.alone

VIDEO = clip.Recipe(seconds=4)
GAP_SECONDS = 2.0


class Watching(Viewer):
    """A viewer that knows when it got its last packet."""

    last = 0.0
    packets = 0

    def on_batch(self, n: int) -> None:
        """Take in a batch, and note when RTP was in it."""
        super().on_batch(n)
        packets = sum(track.packets for track in self.tracks.values())
        if packets > self.packets:
            self.packets, self.last = packets, time.time()


class Audience:
    """A publisher that connects again whenever it is closed, and viewers that go where they are sent."""

    def __init__(self, host: peer.Host, api: str, key: Any) -> None:
        self._host = host
        self._video = clip.load(VIDEO)
        self._table = stamps.table(self._video)
        self._whip = f"{api}/{key.stream_key.reveal()}/whip"
        self.whep = f"{api}/{key.stream}/whep"
        self.publisher = Publisher(host, self._whip, self._video, self._table)
        self.refused: list[str] = []
        self.subscribed = asyncio.Event()
        """Somebody waits for a `reconnect`."""
        self._tasks: list[asyncio.Task[Any]] = []
        self._all: list[peer.Peer] = []

    async def publish(self, whip: str = "") -> None:
        """Go live, and stay so; at another address than the API's, if that is asked for."""
        if whip:
            self.publisher = Publisher(self._host, whip, self._video, self._table)
        await self.publisher.connect()
        self._tasks.append(asyncio.create_task(self._publish_again()))

    async def _publish_again(self) -> None:
        while True:
            await self.publisher.ended
            again = Publisher(self._host, self._whip, self._video, self._table)
            self._all.append(again)
            try:
                await again.connect()
            except whip.Refused as refused:
                self.refused.append(str(refused))
                continue
            self.publisher = again

    async def wait(self) -> Watching:
        """A viewer who is there before the publisher."""
        viewer = Watching(self._host, f"{self.whep}?wait=1", self._video, self._table)
        await viewer.connect()
        return viewer

    async def watch(self, url: str | None = None) -> Watching:
        """A viewer with a picture."""
        for _ in range(50):
            viewer = Watching(self._host, url or self.whep, self._video, self._table)
            self._all.append(viewer)
            with suppress(whip.Refused):
                await viewer.connect()
                await asyncio.wait_for(viewer.picture, 10)
                return viewer
            await asyncio.sleep(0.1)
        pytest.fail("nobody can watch")

    async def moved_by_event(self, viewer: Watching) -> Watching:
        """Subscribe to `reconnect`, wait for it, and watch where it says."""
        assert viewer.created is not None
        link = re.search(
            r'<([^>]+)>; rel="urn:ietf:params:whep:ext:core:server-sent-events"', viewer.created.headers["Link"]
        )
        assert link is not None
        async with self._host.http.post(link[1], json=["reconnect"]) as response:
            assert response.status == 201
            events = response.headers["Location"]
        url = ""
        async with self._host.http.get(events) as response:
            self.subscribed.set()
            async for line in response.content:
                if line.startswith(b"data:"):
                    url = json.loads(line[5:])["url"]
                    break
        assert url, "the events ended without a reconnect"
        return await self.watch(url)

    async def moved_by_closing(self, viewer: Watching) -> Watching:
        """Watch again once the connection is closed."""
        assert await viewer.ended == "close_notify"
        return await self.watch()

    async def end(self, *viewers: Watching) -> None:
        """Let every viewer go at once."""
        for task in self._tasks:
            task.cancel()
        for viewer in viewers:
            await viewer.close()
        await self.publisher.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for one in self._all:
            one.vanish()


def node_of(session: peer.Peer, port: int) -> dict[str, Any]:
    """What stack.json says of the node that holds *session*."""
    assert session.created is not None
    stack = json.loads((settings.state_directory(port) / "stack.json").read_text())
    there = urlsplit(session.created.session).port
    node: dict[str, Any] = next(one for one in stack["nodes"] if urlsplit(one["url"]).port == there)
    return node


async def operator(port: int, node: str, verb: str) -> None:
    """Run `sluice nodes VERB NODE` as the operator."""
    command = (sys.executable, "-m", "sluice", "nodes", verb, node)
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env={**os.environ, "PORT": str(port), "PYTHONPATH": "operator"},
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0


async def until_ready(http: aiohttp.ClientSession, metrics: str, status: int) -> None:
    """Until the node of this metrics port answers `/readyz` with *status*."""
    async with asyncio.timeout(20):
        while True:
            with suppress(aiohttp.ClientError):
                async with http.get(metrics.replace("/metrics", "/readyz")) as response:
                    if response.status == status:
                        return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("there", [True, False], ids=["same-node", "other-node"])
async def test_1b_05_who_waits_at_one_node_follows_the_publisher_to_another(
    stack: dict[str, Any],
    there: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    """A viewer who came first has a picture at once where the publisher comes to its node, else it is told where to go."""
    port = urlsplit(stack["api"]).port
    assert port is not None
    async with peer.host() as host:
        api = Client(host.http, stack)
        _, (key,) = await asyncio.to_thread(api.account, Tier.SOLO_CREATOR)
        audience = Audience(host, api.api, key)
        waiting = await audience.wait()
        node = node_of(waiting, port)
        if not there:
            node = next(one for one in stack["nodes"] if one["id"] != node["id"])
            moving = asyncio.create_task(audience.moved_by_event(waiting))
            await asyncio.wait_for(audience.subscribed.wait(), 5)
        began = time.time()
        await audience.publish(f"{node['url']}/{key.stream_key.reveal()}/whip")
        if there:
            await asyncio.wait_for(waiting.picture, 5)
            after = waiting
        else:
            after = await asyncio.wait_for(moving, 10)
        assert after.at.first_keyframe - began < 3
        assert node_of(after, port)["id"] == node["id"]
        waiting.vanish()
        await audience.end(after)


def black(before: Watching, after: Watching) -> float:
    """Seconds between the last packet here and the first picture there."""
    return after.at.first_keyframe - before.last


async def test_draining_moves_publishers_and_viewers_within_two_seconds(stack: dict[str, Any]) -> None:
    """First by the operator's command, then by SIGTERM: who hears the event sees black for 2 s at most, and so does
    who is closed; the publisher is never told that its own key is in use.
    """
    port = urlsplit(stack["api"]).port
    assert port is not None
    async with peer.host() as host:
        api = Client(host.http, stack)
        _, (key,) = await asyncio.to_thread(api.account, Tier.SOLO_CREATOR)
        audience = Audience(host, api.api, key)
        await audience.publish()
        listening, plain = await audience.watch(), await audience.watch()
        gaps: list[float] = []
        drained: list[dict[str, Any]] = []
        for by_signal in (False, True):
            node = node_of(audience.publisher, port)
            drained.append(node)
            audience.subscribed.clear()
            moving = asyncio.gather(audience.moved_by_event(listening), audience.moved_by_closing(plain))
            await asyncio.wait_for(audience.subscribed.wait(), 5)
            if by_signal:
                os.kill(node["pid"], signal.SIGTERM)
            else:
                await operator(port, node["id"], "drain")
            after = await asyncio.wait_for(moving, 15)
            gaps += [black(listening, after[0]), black(plain, after[1])]
            await listening.close()
            listening, plain = after
            assert node_of(listening, port)["id"] == node_of(audience.publisher, port)["id"] != node["id"]
            if not by_signal:
                await until_ready(host.http, node["metrics"], 503)
                await operator(port, node["id"], "undrain")
                await until_ready(host.http, node["metrics"], 200)
        await audience.end(listening, plain)
        await until_ready(host.http, drained[-1]["metrics"], 200)

    assert audience.refused == []
    assert max(gaps) <= GAP_SECONDS, gaps


async def test_a_publisher_that_ends_and_comes_back_finds_its_viewers(stack: dict[str, Any]) -> None:
    """By DELETE and by the API, as OBS does at each restart, six times: the viewer who waited keeps its connection and has a picture again."""
    async with peer.host() as host:
        api = Client(host.http, stack)
        _, (key,) = await asyncio.to_thread(api.account, Tier.SOLO_CREATOR)
        video = clip.load(VIDEO)
        table = stamps.table(video)
        whip_url = f"{api.api}/{key.stream_key.reveal()}/whip"
        publisher = Publisher(host, whip_url, video, table)
        await publisher.connect()
        audience = Audience(host, api.api, key)
        viewer = await audience.watch()
        for _ in range(6):
            await publisher.close()
            packets = viewer.packets
            publisher = Publisher(host, whip_url, video, table)
            await publisher.connect()
            async with asyncio.timeout(5):
                while viewer.packets <= packets + 30:
                    assert not viewer.ended.done()
                    await asyncio.sleep(0.02)
        await viewer.close()
        await publisher.close()
