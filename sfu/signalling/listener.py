"""Listens for HTTP with the limits that a public port needs; knows nothing of what is served.

No access log, and no exception log of aiohttp's for what cannot be parsed: paths hold stream keys and grants. Whoever
sends half a request, or keeps sending after the answer, is cut off after seconds.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from ssl import SSLContext
from typing import Any, Final

from aiohttp import ClientPayloadError, StreamReader, web
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.http_parser import RawRequestMessage

from sfu.signalling.connections import EACH, Connections
from sfu.signalling.replies import refusal
from shared.cors import EVERY_ANSWER
from shared.refusals import invalid_request

log = logging.getLogger(__name__)

BACKLOG: Final = 1024
HANDSHAKE_SECONDS: Final = 10.0
"""For TLS, before a connection is one that aiohttp knows of."""
AGAIN_AFTER: Final = 0.1
"""Seconds until the next try to take a connection, where the process has no descriptor left."""
IDLE_SECONDS = 30.0
"""Between two requests, and for a request's head."""
LINGER_SECONDS = 1.0
"""How long a refused body is read on and thrown away, so that the client sees the answer before the reset."""
LONGEST_LINE = 96 << 10
"""A grant of 64 KiB, in the URL or as Bearer, reaches the endpoint, which answers it as it answers every bad grant."""
LONGEST_PATH = 2 << 10
"""aiohttp's router needs time by the square of a path's slashes: 0.4 s, in which no media moves, for one of 96 KiB."""
LONGEST_FIELD = 8 << 10
"""Of fields other than Authorization."""
MOST_FIELDS = 64
"""Of a head, and of the trailers after a body in chunks, which nothing here looks at."""
LONGEST_HEAD = 128 << 10
"""All lines together, where they come in one by one: a head has no time limit but the idle one, and is kept meanwhile."""


class Listener:
    """Serves one application on one address, from `open` to `close`."""

    def __init__(
        self, app: web.Application, *, idle_seconds: float = IDLE_SECONDS, connections: Connections | None = None
    ) -> None:
        self._idle_seconds = idle_seconds
        self._runner = web.AppRunner(app, shutdown_timeout=1.0)
        self._connections = Connections(2 * EACH) if connections is None else connections
        self._accepting: list[asyncio.Task[None]] = []
        self._sockets: list[socket.socket] = []
        self._arriving: set[asyncio.Task[None]] = set()

    async def open(self, host: str, port: int, tls: SSLContext | None = None) -> int:
        """Listen on *host*; the port, which was chosen here when *port* is 0. Raises OSError."""
        await self._runner.setup()
        server = self._runner.server
        if server is None:
            raise RuntimeError("a runner that was set up has a server")
        loop = asyncio.get_running_loop()

        def connection() -> _Connection:
            return _Connection(
                server,
                loop=loop,
                access_log=None,  # aiohttp documents None as "no access log"
                keepalive_timeout=self._idle_seconds,
                lingering_time=LINGER_SECONDS,
                max_line_size=LONGEST_LINE,
                max_field_size=LONGEST_LINE,
                max_headers=MOST_FIELDS,
            )

        self._sockets = await _bound(host, port)
        for one in self._sockets:
            one.setblocking(False)  # noqa: FBT003 - the socket's own signature
            self._accepting.append(loop.create_task(self._accept(one, connection, tls)))
        chosen: int = self._sockets[0].getsockname()[1]
        return chosen

    async def close(self) -> None:
        """Take no more connections, let answers finish, close."""
        for task in (*self._accepting, *self._arriving):
            task.cancel()
        await asyncio.gather(*self._accepting, *self._arriving, return_exceptions=True)
        for one in self._sockets:
            one.close()
        self._sockets.clear()
        await self._runner.cleanup()

    async def _accept(
        self, listening: socket.socket, connection: "Callable[[], _Connection]", tls: SSLContext | None
    ) -> None:
        """Take connections, counted from the first moment on: a TLS handshake that never ends is one, too."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                taken, address = await loop.sock_accept(listening)
            except ConnectionError:  # gone again before it was taken
                continue
            except OSError:
                log.exception("no connection can be taken; the next try is in a moment")
                await asyncio.sleep(AGAIN_AFTER)
                continue
            client = _Client(taken, self._connections.release)
            if not self._connections.admit(client, address[0]):
                taken.close()
                continue
            task = loop.create_task(self._serve(client, connection, tls))
            self._arriving.add(task)
            task.add_done_callback(self._arriving.discard)

    async def _serve(self, client: "_Client", connection: "Callable[[], _Connection]", tls: SSLContext | None) -> None:
        """Hand it to aiohttp, after the TLS handshake where there is one."""

        def begun() -> _Connection:
            client.protocol = connection()
            client.protocol.client = client
            return client.protocol

        try:
            with contextlib.suppress(OSError):
                client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().connect_accepted_socket(
                begun, client.socket, ssl=tls, ssl_handshake_timeout=HANDSHAKE_SECONDS if tls else None
            )
        except (OSError, TimeoutError):  # ssl.SSLError is an OSError: whoever came speaks no TLS, or went
            client.gone()
        except asyncio.CancelledError:
            client.gone()
            raise


class _Client:
    """A connection as `Connections` knows it, from its acceptance on."""

    __slots__ = ("_release", "protocol", "socket")

    def __init__(self, taken: socket.socket, release: Callable[["_Client"], None]) -> None:
        self.socket = taken
        self.protocol: _Connection | None = None
        self._release = release

    def is_idle(self) -> bool:
        """Whether it is between two requests, within a head, or in the TLS handshake."""
        return self.protocol is None or not self.protocol.is_answering()

    def abort(self) -> None:
        """Close the connection now, whatever it does."""
        transport = None if self.protocol is None else self.protocol.transport
        if transport is not None:
            transport.abort()
        else:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)  # the handshake that waits for it ends by that

    def gone(self) -> None:
        """The connection is closed: it is no longer counted."""
        self._release(self)


async def _bound(host: str, port: int) -> list[socket.socket]:
    """Listening sockets for each address of *host*; raises OSError."""
    if host == "::":
        # Everywhere else, and on our UDP port, [::] means both families.
        return [socket.create_server((host, port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG)]
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((one[0], one[4]) for one in found):
            sockets.append(socket.create_server(address[:2], family=family, backlog=BACKLOG))
    except OSError:
        for one in sockets:
            one.close()
        raise
    return sockets


class _Connection(web.RequestHandler):
    """Answers what never reaches the application (a request line or a field that is no HTTP) as everything else."""

    __slots__ = ("client",)

    def __init__(self, server: web.Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._parser: Any = _ShortHeads(self._parser)
        self.client: _Client | None = None

    def is_answering(self) -> bool:
        """Whether a whole head has come in and its answer has not gone out."""
        return self._current_request is not None

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection is closed: aiohttp and the count are told."""
        super().connection_lost(exc)
        if self.client is not None:
            self.client.gone()

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Not what is wrong with a body that is read on after its answer: anybody could fill the log with that."""
        if not isinstance(kw.get("exc_info"), (web.RequestPayloadError, ClientPayloadError)):
            super().log_exception(*args, **kw)

    def handle_error(self, *_: Any, **__: Any) -> web.StreamResponse:
        """400, whatever aiohttp has to say of the request: its message quotes it, so it goes nowhere."""
        answer = refusal(invalid_request("The request is not HTTP that can be read. Check its first line and fields."))
        answer.headers.update(EVERY_ANSWER)
        answer.force_close()
        return answer


class _ShortHeads:
    """aiohttp's parser, which bounds each line alike and their number, with bounds for the head and the kinds of lines."""

    def __init__(self, parser: Any) -> None:
        self._parser = parser
        self._head = 0
        self._body: StreamReader | None = None

    def feed_data(self, data: bytes) -> Any:
        in_head = self._body is None or self._body.is_eof()
        outcome = self._parser.feed_data(data)
        if outcome[0]:
            if any(_is_too_long(message) for message, _ in outcome[0]):
                raise BadHttpMessage("the path or a field is too long")
            self._head = 0
            self._body = outcome[0][-1][1]
        elif in_head:
            self._head += len(data)
            if self._head > LONGEST_HEAD:
                raise BadHttpMessage("the head is too long")
        return outcome

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)


def _is_too_long(message: RawRequestMessage) -> bool:
    return len(message.path.partition("?")[0]) > LONGEST_PATH or any(
        len(value) > LONGEST_FIELD and name.lower() != "authorization" for name, value in message.headers.items()
    )
