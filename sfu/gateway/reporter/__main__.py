"""Starts the reporter of one MediaMTX: `python -m sfu.gateway.reporter`. The composition root; docs/mediamtx.md has the settings.

It is told by the environment of a node (`sfu.settings`), and by SLUICE_MEDIAMTX_API: SLUICE_NODE_ID is the MediaMTX's
name, SLUICE_PUBLIC_URL its address, and SLUICE_HTTP_BIND where its questions come in.
"""

import asyncio
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import aiohttp
from botocore.session import Session as BotocoreSession

from sfu.control.aws import AwsCredentials, SignedHttp
from sfu.control.commands import executor
from sfu.control.heartbeat_sender import ReportedNode
from sfu.control.link import Link
from sfu.environment import SettingsError
from sfu.gateway.reporter.admitted import AdmittedSessions
from sfu.gateway.reporter.mediamtx import MediaMtx
from sfu.node import logs
from sfu.node.shutdown import LAST_WORDS
from sfu.settings import NodeSettings
from sfu.signalling.connections import Connections, most_for, raise_limit
from sfu.signalling.listener import Listener
from shared.keys import new_boot

log = logging.getLogger(__name__)

DEFAULT_API = "http://127.0.0.1:9997"


async def serve(settings: NodeSettings, mediamtx_api: str) -> None:
    """Report until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with aiohttp.ClientSession() as http:
        signed = SignedHttp(http, AwsCredentials(BotocoreSession().get_credentials), settings.aws_region)
        link = Link(
            settings,
            signed,
            boot=new_boot(secrets.token_bytes),
            clock=time.time,
            random=secrets.SystemRandom().random,
            kind="mediamtx",
        )
        mediamtx, node = build(settings, mediamtx_api, http, link)
        listener = Listener(mediamtx.application(), connections=Connections(most_for(raise_limit())))
        port = await listener.open(settings.http_bind.host, settings.http_bind.port)
        log.info("listening", extra={"port": port, "mediamtx": mediamtx_api})
        await run(link, (*link.tasks(node), mediamtx.run), stop)
        await listener.close()


def build(
    settings: NodeSettings, mediamtx_api: str, http: aiohttp.ClientSession, link: Link
) -> tuple[MediaMtx, ReportedNode]:
    """The reporter of the MediaMTX whose API is at *mediamtx_api*, and what *link* reports of it."""
    admitted = AdmittedSessions(link.meter)
    mediamtx = MediaMtx(
        http,
        f"{settings.api_url}/v1/hooks/mediamtx?node={quote(settings.node_id)}",
        mediamtx_api,
        admitted,
        link.clock,
        on_change=link.changed,
        on_end=link.ended,
    )
    node = ReportedNode(
        snapshot=lambda: admitted.snapshot(link.clock(), settings.max_sessions), execute=executor(mediamtx)
    )
    return mediamtx, node


async def run(link: Link, forever: Sequence[Callable[[], Coroutine[Any, Any, None]]], stop: asyncio.Event) -> None:
    """Run the tasks until *stop* is set or one of them fails; report a last time."""
    tasks = [asyncio.ensure_future(task()) for task in forever]
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    # MediaMTX goes on without us for as long as its lease; what it holds then is ended when we are back.
    link.enter("draining")
    await link.heartbeats.settle(1)
    await link.usage.finish(LAST_WORDS)
    for task in (stopping, *tasks):
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Start the reporter that *environ* describes, and run it until it is stopped; the exit code."""
    try:
        settings = NodeSettings.from_env(environ)
    except SettingsError as error:
        sys.stderr.write("".join(f"sluice mediamtx: {sentence}\n" for sentence in str(error).splitlines()))
        return 2
    logs.install(settings.log_level, node=settings.node_id)
    asyncio.run(serve(settings, environ.get("SLUICE_MEDIAMTX_API") or DEFAULT_API))
    return 0


if __name__ == "__main__":
    sys.exit(main())
