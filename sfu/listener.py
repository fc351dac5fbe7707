"""Listens for HTTP with the limits that a public port needs; knows nothing of what is served.

No access log, and no exception log of aiohttp's for what cannot be parsed: paths hold stream keys and grants. Whoever
sends half a request, or keeps sending after the answer, is cut off after seconds.
"""

import asyncio
import socket
from ssl import SSLContext
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.http_parser import RawRequestMessage

from sfu.replies import refusal
from shared.cors import EVERY_ANSWER
from shared.refusals import invalid_request

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
    """One application on one address, from `open` to `close`."""

    def __init__(self, app: web.Application, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._runner = web.AppRunner(app, shutdown_timeout=1.0)
        self._socket: asyncio.Server | None = None

    async def open(self, host: str, port: int, tls: SSLContext | None = None) -> int:
        """Listen on *host*; the port, which was chosen here when *port* is 0. Raises OSError."""
        await self._runner.setup()
        server = self._runner.server
        if server is None:
            raise RuntimeError("a runner that was set up has a server")
        loop = asyncio.get_running_loop()

        def connection() -> web.RequestHandler:
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

        if host == "::":
            # asyncio would take IPv6 alone; everywhere else, and on our UDP port, [::] means both families.
            both = socket.create_server((host, port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=1024)
            self._socket = await loop.create_server(connection, sock=both, ssl=tls, backlog=1024)
        else:
            self._socket = await loop.create_server(connection, host, port, ssl=tls, backlog=1024)
        chosen: int = self._socket.sockets[0].getsockname()[1]
        return chosen

    async def close(self) -> None:
        """Take no more connections, let answers finish, close."""
        if self._socket is not None:
            self._socket.close()
        await self._runner.cleanup()


class _Connection(web.RequestHandler):
    """Answers what never reaches the application (a request line or a field that is no HTTP) as everything else."""

    __slots__ = ()

    def __init__(self, server: web.Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._parser: Any = _ShortHeads(self._parser)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """400, whatever aiohttp's status; *exc* and *message* quote the request, so they go nowhere."""
        del request, status, exc, message
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
