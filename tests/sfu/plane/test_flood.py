"""The bar against strangers: 30 Mbit/s of each kind of datagram, and 200 requests a second of each kind, and nobody notices.

A node of its own process, a publisher and three viewers at 127.0.0.1, the stranger at 127.0.0.66. `FLOOD_SECONDS=5`
(as `make flood` sets it) makes each kind that long; in `make test-long` each has a moment.
"""

import asyncio
import json
import os
import secrets
import struct
import sys
import time
from array import array
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from shared.grants import Action
from shared.keys import new_stream_key
from tests.peers.clips import clip
from tests.peers.clips.stamps import table
from tests.peers.peer import Host, host
from tests.peers.protocol import sdp, stun
from tests.peers.publisher import Publisher
from tests.peers.viewer import Viewer
from tests.sfu.fake_control import fake_control
from tests.sfu.flood import ADDRESS, step
from tests.sfu.running_node import ROOT, STREAM, RunningNode, running_node

pytestmark = [pytest.mark.alone, pytest.mark.long, pytest.mark.timeout(900)]
SECONDS = float(os.environ.get("FLOOD_SECONDS", "0.15"))
MBIT = 30.0
SIZES = (100, 600, 1200)
REQUESTS = 200
GOOD = clip.Recipe(seconds=2, gop_seconds=1.0, video_kbps=2500, width=640, height=360)
P99 = 0.020
LONG = 2.0
"""Seconds from which on one flood has an own 99th percentile: of a moment, it is what one other process does."""
GROWTH = 8 << 20
"""Bytes of memory that a node may have more afterwards: a socket's buffers, and what Python keeps in hand."""


@dataclass
class Good:
    """A node with those who are to notice nothing."""

    node: RunningNode
    peers: Host
    clip: clip.Clip
    viewers: list[Viewer]
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    """Of all packets under all floods."""

    async def shielded(self) -> None:
        """Wait until the node has seen that there is a flood."""
        async with asyncio.timeout(5):
            while "sluice_media_floods_total 1.0" not in (await self.node.get("/metrics"))[1]:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)

    def resident(self) -> int:
        """The node's memory in bytes."""
        assert self.node.process is not None
        statm = Path(f"/proc/{self.node.process.pid}/statm").read_text()
        return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def processor(self) -> float:
        """Seconds that the node's one thread has run so far."""
        assert self.node.process is not None
        return int(Path(f"/proc/{self.node.process.pid}/schedstat").read_text().split()[0]) / 1e9

    @asynccontextmanager
    async def unharmed(self) -> AsyncIterator[None]:
        """Nothing is lost and nothing is late while the block lasts."""
        latencies = array("d")
        before = [viewer.counts() for viewer in self.viewers]
        memory = self.resident()
        for viewer in self.viewers:
            viewer.latencies = latencies
        began = time.monotonic()
        yield
        elapsed = time.monotonic() - began
        for viewer in self.viewers:
            viewer.latencies = None
        seen = [viewer.counts() - first for viewer, first in zip(self.viewers, before, strict=True)]
        assert [(one.gaps, one.altered, one.unauthentic) for one in seen] == [(0, 0, 0)] * len(seen)
        assert min(one.packets for one in seen) > 150 * elapsed
        self.latencies.extend(latencies)
        if elapsed >= LONG:
            assert _p99(latencies) <= P99
        assert self.resident() - memory < GROWTH


def _p99(latencies: "array[float]") -> float:
    return sorted(latencies)[int(len(latencies) * 0.99)]


@asynccontextmanager
async def good() -> AsyncIterator[Good]:
    """A node with a publisher and viewers that have a picture."""
    async with fake_control() as control, running_node(control) as node, host() as peers:
        video = clip.load(GOOD)
        stamps = table(video)
        publisher = Publisher(peers, node.grant_url(Action.PUBLISH), video, stamps)
        await publisher.connect()
        viewers = [Viewer(peers, node.grant_url(Action.PLAY), video, stamps) for _ in range(3)]
        for viewer in viewers:
            await viewer.connect()
            await asyncio.wait_for(viewer.picture, 10)
        await asyncio.sleep(1)  # the replay of the group is over, and its timestamps are true again
        try:
            yield Good(node, peers, video, viewers)
        finally:
            for one in (publisher, *viewers):
                one.vanish()


def _check(ufrag: str, size: int) -> bytes:
    """A binding request of *size* bytes with a wrong password; what fills it is an attribute that nobody has to know."""
    whole = stun.binding_request(b"transaction!", username=f"{ufrag}:x", password="wrong" * 5, tie_breaker=1)
    filler = size - len(whole) - 4
    if filler < 0:
        return whole
    body = struct.pack("!HH", 0xC000, filler) + bytes(filler) + whole[20:]
    return whole[:2] + len(body).to_bytes(2, "big") + whole[4:20] + body


def _attributes(ufrag: str, size: int) -> bytes:
    """A binding request of empty attributes, whose USERNAME comes last."""
    name = struct.pack("!HH8s", 0x0006, 8, ufrag.encode())
    body = struct.pack("!HH", 0xC000, 0) * ((size - 20 - len(name)) // 4) + name
    return b"\0\1" + len(body).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + b"transaction!" + body


KINDS: dict[str, Callable[[str, int], bytes]] = {
    "a check for nobody": lambda _, size: _check("nobody00", size),
    "a check for a viewer, wrong password": _check,
    "a check of many attributes": _attributes,
    "a ClientHello": lambda _, size: (b"\x16\xfe\xfd" + bytes(8) + (size - 13).to_bytes(2, "big")).ljust(size, b"\1"),
    "SRTP": lambda _, size: (b"\x80\x60" + bytes(10)).ljust(size, b"m"),
    "SRTCP": lambda _, size: (b"\x80\xc8\0\6" + bytes(8)).ljust(size, b"r"),
    "ChannelData of TURN": lambda _, size: b"\x40\0".ljust(size, b"t"),
    "nothing that has a name": lambda _, size: b"\xff" * size,
}


async def test_thirty_megabit_of_each_kind_of_datagram_harm_nobody() -> None:
    """100, 600 and 1200 bytes, one after the other, then the dearest that there was, and datagrams of no byte and of 60 kB."""
    async with good() as run:
        ufrag = run.viewers[0].answer.ufrag if run.viewers[0].answer else ""
        attacker = await _attacker()
        assert attacker.stdin is not None
        assert attacker.stdout is not None
        memory = run.resident()
        floods = [(f"{name}, {size} bytes", make(ufrag, size)) for name, make in KINDS.items() for size in SIZES]
        longest = ("a check of many attributes, 2000 bytes", _attributes(ufrag, 2000))
        try:
            for name, data in [*floods, longest, ("empty", b""), ("60 kB", b"\x80\x60".ljust(60_000, b"l"))]:
                told = {"to": ["127.0.0.1", run.node.udp_port], "data": data.hex(), "mbit": MBIT, "seconds": SECONDS}
                try:
                    async with run.unharmed():
                        attacker.stdin.write(json.dumps(told).encode() + b"\n")
                        sent = int(await attacker.stdout.readline())
                except AssertionError as error:
                    raise AssertionError(f"under a flood of {name}: {error}") from error
                assert sent * (len(data) or 100) * 8 >= 0.8 * MBIT * 1e6 * SECONDS, name
        finally:
            attacker.kill()
            await attacker.wait()
        assert _p99(run.latencies) <= P99
        assert run.resident() - memory < GROWTH
        assert not any(viewer.ended.done() for viewer in run.viewers)


async def test_a_newcomer_gets_in_while_four_times_as_much_comes_as_a_node_could_read() -> None:
    """His checks are drawn from 150,000 a second and repeated; those who are there lose nothing meanwhile."""
    async with good() as run:
        attacker = await _attacker()
        assert attacker.stdin is not None
        assert attacker.stdout is not None
        told = {
            "to": ["127.0.0.1", run.node.udp_port],
            "data": _check("nobody00", 100).hex(),
            "mbit": 120,
            "seconds": 4,
        }
        try:
            attacker.stdin.write(json.dumps(told).encode() + b"\n")
            await run.shielded()
            async with run.unharmed():
                newcomer = Viewer(run.peers, run.node.grant_url(Action.PLAY), run.clip, table(run.clip))
                try:
                    await newcomer.connect()
                    await asyncio.wait_for(newcomer.picture, 10)
                finally:
                    newcomer.vanish()
            await attacker.stdout.readline()
        finally:
            attacker.kill()
            await attacker.wait()


async def _attacker() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.sfu.flood", cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )


REQUESTED = {
    "preflight": ("OPTIONS", f"/{STREAM}/whip", None),
    "GET of a stream": ("GET", f"/{STREAM}/whep", None),
    "no grant and no key": ("POST", "/whip", "offer"),
    "a bad grant": ("POST", f"/{STREAM}/whep?grant=e30.e30.e30", "offer"),
    "an unknown key": ("POST", f"/{new_stream_key(secrets.token_bytes).reveal()}/whip", "offer"),
    "no session": ("PATCH", f"/sessions/{'0' * 32}", "candidate"),
    "HEAD of no session": ("HEAD", f"/sessions/{'0' * 32}", None),
    "DELETE of no session": ("DELETE", f"/sessions/{'0' * 32}", None),
    "no such page": ("GET", "/wp-login.php", None),
}


STEPS = 18_500
"""That the dearest of them may cost, some 2.5 ms (docs/media-plane.md)."""


async def test_two_hundred_requests_a_second_of_each_kind_harm_nobody() -> None:
    """Without a grant, from another address; the API says no to an unknown key. What each costs is bounded, too."""
    async with good() as run, _client() as http:
        memory = run.resident()
        began, before = time.monotonic(), run.processor()
        await asyncio.sleep(0.5)
        media = (run.processor() - before) / (time.monotonic() - began)
        costs = {}
        for name, (method, path, body) in REQUESTED.items():
            began, before = time.monotonic(), run.processor()
            try:
                async with run.unharmed():
                    count = await _ask(http, method, run.node.url + path, body)
            except AssertionError as error:
                raise AssertionError(f"under requests of the kind {name}: {error}") from error
            costs[name] = (run.processor() - before - media * (time.monotonic() - began)) / count
        assert run.node.control.grants_asked > 0
        assert _p99(run.latencies) <= P99
        assert run.resident() - memory < GROWTH
        assert {name: round(cost / step()) for name, cost in costs.items() if cost / step() > STEPS} == {}, costs


@asynccontextmanager
async def _client() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(local_addr=(ADDRESS, 0), limit=20)
    async with aiohttp.ClientSession(connector=connector) as http:
        yield http


async def _ask(http: aiohttp.ClientSession, method: str, url: str, body: str | None) -> int:
    """REQUESTS a second for as long as a kind has, and how many that were; each is answered with something that is no failure of ours."""
    offer = (
        sdp.offer(sdp.Local("abcd", "p" * 24), fingerprint=":".join(["AA"] * 32), direction="sendonly") if body else ""
    )
    kind = "application/sdp" if body == "offer" else "application/trickle-ice-sdpfrag"

    async def one() -> None:
        data = offer.encode() if body else None
        headers = {"Content-Type": kind} if body else {}
        async with http.request(method, url, data=data, headers=headers, allow_redirects=False) as answer:
            await answer.read()
            assert answer.status < 500 or answer.status == 503

    began, count = time.monotonic(), int(REQUESTS * max(SECONDS, 0.4))
    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / REQUESTS - time.monotonic()))
            tasks.create_task(one())
    return count
