"""One running node: its sockets, its tasks, and the order in which they begin and end.

`run` goes top to bottom: listen, tell the control plane, serve until asked to stop, drain, close. What the parts are is
decided in `sfu.__main__`; here they are only started and stopped. A port that is taken ends the start with one sentence.
"""

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any, Protocol

from aiohttp import web

from sfu.control.handover import Handover
from sfu.control.heartbeat_sender import ReportedNode
from sfu.control.link import Link
from sfu.node.shutdown import Shutdown, drain
from sfu.settings import Bind, NodeSettings
from sfu.signalling.certificate import Certificate
from sfu.signalling.connections import Connections, most_for, raise_limit
from sfu.signalling.listener import Listener

log = logging.getLogger(__name__)

_OPERATORS = 64
"""Connections to health and metrics."""


class NodeStartError(Exception):
    """The node cannot start; the text is one sentence for the operator."""


class MediaPlane(Protocol):
    """The media plane, as far as it is started, asked and stopped here."""

    async def start(self) -> None:
        """Bind the UDP socket; raises OSError."""

    def connected(self) -> int:
        """How many sessions there are, without the viewers that have not connected."""

    async def close(self) -> None:
        """End every session with a farewell and close the socket; a second call does nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that runs in a node."""

    plane: MediaPlane
    app: web.Application
    """The clients' HTTP: WHIP and WHEP."""
    health: web.Application
    link: Link
    reported: ReportedNode
    """What the link tells of this node."""
    shutdown: Shutdown
    handover: Handover
    background: tuple[Callable[[], Coroutine[Any, Any, None]], ...] = ()
    """More tasks that run as long as the node does."""


async def run(settings: NodeSettings, parts: Parts) -> int:
    """Run the node until it is asked to stop; the exit code."""
    async with AsyncExitStack() as stack:
        await _listening("UDP", "SLUICE_UDP_BIND", settings.udp_bind, parts.plane.start())
        stack.push_async_callback(parts.plane.close)
        certificate = _certificate(settings)
        tls = None if certificate is None else certificate.context
        most = most_for(raise_limit())
        clients = Connections(most, trusted=settings.trusted_proxies)
        await _serve(stack, parts.app, "SLUICE_HTTP_BIND", settings.http_bind, tls, clients)
        await _serve(stack, parts.health, "SLUICE_METRICS_BIND", settings.metrics_bind, None, Connections(_OPERATORS))
        async with asyncio.TaskGroup() as tasks:
            forever = [*parts.link.tasks(parts.reported), *parts.background]
            if certificate is not None:
                forever.append(certificate.watch)
            running = [tasks.create_task(_kept_running(task)) for task in forever]
            log.info(
                "listening",
                extra={
                    "http": str(settings.http_bind),
                    "udp": str(settings.udp_bind),
                    "metrics": str(settings.metrics_bind),
                    "url": settings.public_url,
                    "announced": [f"{candidate.address}:{candidate.port}" for candidate in settings.announce],
                },
            )
            await parts.shutdown.asked.wait()
            drained = await _drain_or_forced(settings, parts)
            for task in running:
                task.cancel()
    return 0 if drained else 1


async def _kept_running(task: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """A bug in what reports about the media must not end the media: log it and begin that task again."""
    while True:
        try:
            await task()
        except Exception:
            log.exception("a task of the node failed and is started again")
        await asyncio.sleep(1)


async def _drain_or_forced(settings: NodeSettings, parts: Parts) -> bool:
    draining = asyncio.ensure_future(
        drain(
            seconds=settings.drain_seconds,
            sessions=parts.plane.connected,
            last_call=parts.handover.last_call,
            end_sessions=parts.plane.close,
            link=parts.link,
        )
    )
    forced = asyncio.ensure_future(parts.shutdown.forced.wait())
    await asyncio.wait((draining, forced), return_when=asyncio.FIRST_COMPLETED)
    if draining.done():
        forced.cancel()
        draining.result()
        return True
    log.warning("forced to stop before the drain was over")
    draining.cancel()
    await asyncio.gather(draining, return_exceptions=True)
    return False


async def _serve(
    stack: AsyncExitStack,
    app: web.Application,
    variable: str,
    bind: Bind,
    tls: SSLContext | None,
    connections: Connections,
) -> None:
    listener = Listener(app, connections=connections)
    stack.push_async_callback(listener.close)
    await _listening("TCP", variable, bind, listener.open(bind.host, bind.port, tls))


async def _listening(protocol: str, variable: str, bind: Bind, starting: Awaitable[object]) -> None:
    try:
        await starting
    except OSError as error:
        raise NodeStartError(_why(protocol, variable, bind, error)) from error


def _why(protocol: str, variable: str, bind: Bind, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{protocol} port {bind} is taken by another process; stop that one, or set {variable} to a free port."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{bind.host} is no address of this machine; set {variable} to one that is, or to 0.0.0.0:{bind.port}."
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"{protocol} port {bind} may not be opened by this user; set {variable} to a port above 1023."
    return f"{protocol} port {bind} cannot be opened ({error}); set {variable} to another one."


def _certificate(settings: NodeSettings) -> Certificate | None:
    if not settings.tls_certificate:
        return None
    try:
        return Certificate(settings.tls_certificate, settings.tls_key)
    except OSError as error:
        raise NodeStartError(
            f"The certificate cannot be loaded ({error}); set SLUICE_TLS_CERTIFICATE and SLUICE_TLS_KEY to PEM files or"
            " texts that belong together and that this user may read."
        ) from error
