"""One POST to a URL that an owner chose: bounded in time and size, and only to an address that was checked.

A name is resolved once, every address that it has must be allowed, and the connection goes to the very address that
was checked, so a name that changes its mind gains nothing (DNS rebinding). Nothing is followed and nothing of a body
is read: the status is the answer.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

from functions.domain.destinations import Destination, Reach, allowed, destination
from functions.webhooks.pinned_post import PinnedPost, UndeliveredError

SECONDS = 10.0
"""For everything: name, connection, TLS, request, answer."""
ADDRESSES = 4
"""Addresses of a name that are tried at most."""
THREADS = 20
"""Posts at a time: a batch of the queue has ten messages, and a thread may go on for a moment after its time is up."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class TooSlowError(UndeliveredError):
    """The receiver did not answer in time; it may have taken the message all the same."""


class Poster:
    """Posts messages to the receivers of webhooks, several at a time."""

    def __init__(
        self,
        reach: Reach,
        resolve: Resolve | None = None,
        context: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._reach = reach
        self._resolve = resolve or _SystemResolver()
        self._context = context or ssl.create_default_context()
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="receivers")

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, seconds: float | None = None) -> None:
        """Have the receiver at *url* take *body* with a 2xx, or `UndeliveredError`; within *seconds*, if that is less."""
        limit = self._seconds if seconds is None else min(seconds, self._seconds)
        deadline = monotonic() + limit
        to = destination(url, self._reach)
        if isinstance(to, str):
            raise UndeliveredError(to)
        try:
            async with asyncio.timeout(limit):
                attempt = PinnedPost(to, await self._checked_addresses(to), self._context, deadline)
                status = await self._status(attempt, headers, body)
        except TimeoutError:
            raise TooSlowError(f"There was no answer within {limit:g} s.") from None
        if not 200 <= status < 300:
            followed = "; redirects are not followed" if 300 <= status < 400 else ""
            raise UndeliveredError(f"The answer was {status}{followed}.")

    async def _checked_addresses(self, to: Destination) -> Sequence[str]:
        try:
            found = await self._resolve(to.host, to.port)
        except OSError:
            found = ()
        if not found:
            raise UndeliveredError("The name has no address.")
        if not all(allowed(address, self._reach) for address in found):
            raise UndeliveredError("The name stands for an address that is not a public one.")
        return found[:ADDRESSES]

    async def _status(self, attempt: PinnedPost, headers: Mapping[str, str], body: bytes) -> int:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, attempt.status, headers, body)
        except asyncio.CancelledError:
            attempt.abort()
            raise


class _SystemResolver:
    """The system's resolver. In threads of its own, because nothing waits for one that hangs, not even the end."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=10, thread_name_prefix="names")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        def look() -> list[str]:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return list(dict.fromkeys(str(entry[4][0]) for entry in found))

        return await asyncio.get_running_loop().run_in_executor(self._threads, look)
