"""One POST to a URL that a stranger chose: bounded in time and size, and only to an address that was checked.

A name is resolved once, every address that it has must be allowed, and the connection goes to the very address that
was checked, so a name that changes its mind gains nothing. Nothing is followed and nothing of a body is read: the
status line is the answer.
"""

import asyncio
import errno
import re
import socket
import ssl
from asyncio import StreamReader
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from functions.domain.destinations import Destination, Reach, allowed, destination

SECONDS = 10.0
"""For everything: name, connection, TLS, request, status line."""
LINE = 8192
"""No line of an answer is longer."""
INTERIM = 100
"""Lines of interim answers (1xx) that are skipped at most."""
ADDRESSES = 4
"""Addresses of a name that are tried at most."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: .*)?\r?\n")


class UndeliveredError(Exception):
    """The receiver did not take the message; the text is for the owner of the webhook."""


class TooSlowError(UndeliveredError):
    """The receiver did not answer in time; it may have taken the message all the same."""


class Poster:
    """Posts to receivers, several at a time."""

    def __init__(
        self,
        reach: Reach,
        resolve: Resolve | None = None,
        context: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._reach = reach
        self._resolve = resolve or _Names()
        self._context = context or ssl.create_default_context()
        self._seconds = seconds

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, seconds: float | None = None) -> None:
        """Have the receiver at *url* take *body* with a 2xx, or UndeliveredError; within *seconds*, if that is less."""
        limit = self._seconds if seconds is None else min(seconds, self._seconds)
        to = destination(url, self._reach)
        if isinstance(to, str):
            raise UndeliveredError(to)
        try:
            async with asyncio.timeout(limit):
                status = await self._exchange(to, headers, body)
        except TimeoutError:
            raise TooSlowError(f"There was no answer within {limit:g} s.") from None
        except ssl.SSLError as error:
            why = getattr(error, "verify_message", "") or error.reason or "it failed"
            raise UndeliveredError(f"TLS: {why}.") from None
        except (OSError, EOFError):
            raise UndeliveredError("The connection failed.") from None
        if not 200 <= status < 300:
            followed = "; redirects are not followed" if 300 <= status < 400 else ""
            raise UndeliveredError(f"The answer was {status}{followed}.")

    async def _exchange(self, to: Destination, headers: Mapping[str, str], body: bytes) -> int:
        try:
            found = await self._resolve(to.host, to.port)
        except OSError:
            found = ()
        if not found:
            raise UndeliveredError("The name has no address.")
        if not all(allowed(address, self._reach) for address in found):
            raise UndeliveredError("The name stands for an address that is not a public one.")
        failed: OSError | None = None
        for address in found[:ADDRESSES]:
            try:
                return await self._ask(to, address, headers, body)
            except ConnectionRefusedError as error:
                failed = error
            except OSError as error:
                # A network that is not there, such as IPv6 in a function; anything later may have been delivered.
                if error.errno not in _NO_ROUTE:
                    raise
                failed = error
        assert failed is not None  # noqa: S101 - there was an address
        raise failed

    async def _ask(self, to: Destination, address: str, headers: Mapping[str, str], body: bytes) -> int:
        reader, writer = await asyncio.open_connection(
            address,
            to.port,
            ssl=self._context if to.tls else None,
            server_hostname=to.host if to.tls else None,
            limit=LINE,
        )
        try:
            writer.write(_request(to, headers, body))
            await writer.drain()
            return await _status(reader)
        finally:
            # Whatever else the receiver has to say is of no interest, and neither is a polite end.
            writer.transport.abort()


_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EAFNOSUPPORT})


class _Names:
    """The system's resolver. In threads of its own, because nothing waits for one that hangs, not even the end."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=10, thread_name_prefix="names")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        def look() -> list[str]:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return list(dict.fromkeys(str(entry[4][0]) for entry in found))

        return await asyncio.get_running_loop().run_in_executor(self._threads, look)


def _request(to: Destination, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [
        f"POST {to.target} HTTP/1.1",
        f"Host: {to.authority}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "User-Agent: Sluice-Webhooks/1",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


async def _status(reader: StreamReader) -> int:
    """The status of the final answer."""
    for _ in range(INTERIM):
        match = _STATUS.fullmatch(await _line(reader))
        if match is None:
            raise UndeliveredError("The answer was not HTTP.")
        status = int(match[1])
        if status >= 200:
            return status
        for _ in range(INTERIM):
            if not (await _line(reader)).strip():
                break
    raise UndeliveredError("There was no final answer.")


async def _line(reader: StreamReader) -> bytes:
    try:
        line = await reader.readline()
    except ValueError:
        raise UndeliveredError(f"A line of the answer has more than {LINE} bytes.") from None
    if not line:
        raise EOFError
    return line
