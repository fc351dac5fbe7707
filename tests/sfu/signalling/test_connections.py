"""Connections that do nothing, over real TCP: they make way, and a node has descriptors left for its own."""

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from sfu.signalling.connections import EACH, MOST, RESERVE, Connections, most_for
from sfu.signalling.listener import Listener
from shared.grants import Action
from tests.sfu.fake_control import fake_control
from tests.sfu.running_node import COMMAND, ROOT, running_node
from tests.sfu.signalling.test_certificate import self_signed

HERE, THERE = "127.0.0.1", "127.0.0.66"
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Door:
    """A listener whose answers wait where the path says so."""

    def __init__(self, connections: Connections) -> None:
        self.connections = connections
        self.answer = asyncio.Event()
        self.waiting = 0
        app = web.Application()
        app.router.add_get("/", self._at_once)
        app.router.add_get("/wait", self._wait)
        self.listener = Listener(app, connections=connections)
        self.port = 0

    async def _at_once(self, _: web.Request) -> web.Response:
        return web.Response(text="here")

    async def _wait(self, _: web.Request) -> web.Response:
        self.waiting += 1
        await self.answer.wait()
        return web.Response(text="at last")


class Client:
    """One connection of a client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def asks(self, data: bytes = REQUEST) -> bytes:
        """The answer, b"" where the connection was closed."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            self._writer.write(data)
            async with asyncio.timeout(5):
                head = await self._reader.readuntil(b"\r\n\r\n")
                length = next(
                    (line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), b":0"
                )
                return head + await self._reader.readexactly(int(length.partition(b":")[2]))
        return b""

    def starts(self, data: bytes) -> None:
        """Send and do not wait."""
        self._writer.write(data)

    async def is_closed(self, seconds: float = 2.0) -> bool:
        """Whether the other end has closed it, or does so soon."""
        try:
            async with asyncio.timeout(seconds):
                while await self._reader.read(4096):
                    pass
                return True
        except TimeoutError:
            return False
        except ConnectionError:
            return True

    async def close(self) -> None:
        """Close the connection from this side."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


@asynccontextmanager
async def door(connections: Connections, tls: ssl.SSLContext | None = None) -> AsyncIterator[Door]:
    """A server that limits its connections."""
    one = Door(connections)
    one.port = await one.listener.open(HERE, 0, tls)
    try:
        yield one
    finally:
        one.answer.set()
        await one.listener.close()


@asynccontextmanager
async def clients() -> AsyncIterator[list[Client]]:
    """Those that are opened meanwhile, closed afterwards."""
    opened: list[Client] = []
    yield opened
    for one in opened:
        await one.close()


async def connect(opened: list[Client], port: int, source: str = HERE) -> Client:
    """Open one more connection to the server."""
    opened.append(Client(*await asyncio.open_connection(HERE, port, local_addr=(source, 0))))
    return opened[-1]


async def test_the_oldest_idle_one_of_an_address_makes_way_for_its_next() -> None:
    """Those of another address stay."""
    async with door(Connections(20, each=4)) as here, clients() as opened:
        other = await connect(opened, here.port, THERE)
        assert await other.asks()
        four = [await connect(opened, here.port) for _ in range(4)]
        for one in four:
            assert await one.asks()
        four[0].starts(b"GET / HT")
        assert await (await connect(opened, here.port)).asks()
        assert await four[0].is_closed()
        assert all([await one.asks() for one in (*four[1:], other)])
        assert (here.connections.evicted, here.connections.refused, len(here.connections)) == (1, 0, 5)


async def test_when_all_places_are_taken_any_address_s_idle_one_makes_way() -> None:
    """Slow heads count as idle."""
    async with door(Connections(6, each=3)) as here, clients() as opened:
        slow = [await connect(opened, here.port, source) for source in (THERE, "127.0.0.67") for _ in range(3)]
        for one in slow:
            one.starts(b"POST /x HTTP/1.1\r\nA: b\r\n")
        assert await (await connect(opened, here.port)).asks()
        assert await slow[0].is_closed()
        assert len(here.connections) == 6


async def test_where_each_is_being_answered_the_newcomer_is_refused() -> None:
    """And there is room again when one is done."""
    async with door(Connections(6, each=2)) as here, clients() as opened:
        busy = [await connect(opened, here.port) for _ in range(2)]
        for one in busy:
            one.starts(REQUEST.replace(b"/", b"/wait", 1))
        while here.waiting < 2:  # noqa: ASYNC110 - a counter has no event
            await asyncio.sleep(0.01)
        assert await (await connect(opened, here.port)).asks() == b""
        assert here.connections.refused == 1
        here.answer.set()
        assert all([await one.asks(b"") for one in busy])
        assert await (await connect(opened, here.port)).asks()


async def test_a_tls_handshake_that_never_begins_is_a_connection_too(tmp_path: Path) -> None:
    """It has no time limit but ours, and makes way like the others."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    for path, text in zip((certificate, key), self_signed(), strict=True):
        path.write_text(text)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    async with door(Connections(8, each=4), tls) as here, clients() as opened:
        silent = [await connect(opened, here.port) for _ in range(6)]
        assert await silent[0].is_closed()
        assert await silent[1].is_closed()
        assert not await silent[2].is_closed(0.2)
        opened.append(Client(*await asyncio.open_connection(HERE, here.port, ssl=anybody)))
        assert b"here" in await opened[-1].asks()
        assert len(here.connections) == 4


async def test_an_operator_s_proxy_has_no_limit_of_its_own() -> None:
    """Everybody comes from its address."""
    from ipaddress import ip_network  # noqa: PLC0415 - for this one

    async with door(Connections(20, each=2, trusted=[ip_network("127.0.0.0/8")])) as here, clients() as opened:
        assert all([await (await connect(opened, here.port)).asks() for _ in range(10)])
        assert len(here.connections) == 10


async def test_what_is_closed_is_forgotten() -> None:
    """Whichever side has closed it."""
    async with door(Connections(20, each=4)) as here, clients() as opened:
        for _ in range(50):
            assert await (await connect(opened, here.port)).asks()
            await opened.pop().close()
        while len(here.connections):  # noqa: ASYNC110 - a count has no event
            await asyncio.sleep(0.01)
        assert not here.connections._groups


def test_there_is_a_reserve_of_whatever_limit() -> None:
    """With very few, half of it."""
    assert most_for(1024) == 1024 - RESERVE
    assert most_for(1 << 20) == MOST
    assert most_for(100) == 50
    assert EACH > 200


async def test_a_node_that_is_full_of_idle_connections_goes_on_reporting() -> None:
    """1200 of them from six addresses, and it may open 400 descriptors: its heartbeats, usage and answers still come."""
    limited = ("/bin/sh", "-c", f"ulimit -S -n 100; ulimit -H -n 400; exec {COMMAND[0]} -m sfu")
    async with fake_control() as control, running_node(control, ROOT, limited) as node:
        idle: list[socket.socket] = []
        try:
            for number in range(1200):
                one = socket.socket()
                idle.append(one)
                one.bind((f"127.0.1.{number % 6}", 0))
                one.setblocking(False)  # noqa: FBT003 - the socket's own signature
                with contextlib.suppress(BlockingIOError):
                    one.connect((HERE, node.http_port))
                if number % 20 == 0:
                    await asyncio.sleep(0.01)
            beats = len(control.beats)
            await control.until(lambda: len(control.beats) >= beats + 3, 15)
            async with clients() as opened:
                for _ in range(20):
                    answer = await (await connect(opened, node.http_port)).asks(
                        b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                    )
                    assert answer.startswith(b"HTTP/1.1 404")
            assert (await node.get("/healthz"))[0] == 200
            assert node.process is not None
            assert len(os.listdir(f"/proc/{node.process.pid}/fd")) < 300  # noqa: PTH208 - it blocks nobody
            assert node.grant_url(Action.PLAY)
            assert not node.lines("no connection can be taken; the next try is in a moment")
        finally:
            for one in idle:
                one.close()
