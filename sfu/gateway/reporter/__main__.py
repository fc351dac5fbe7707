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
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import quote

import aiohttp
from botocore.session import Session as BotocoreSession

from sfu.control.aws import AwsAnswer, AwsCredentials, SignedHttp, SqsQueue
from sfu.control.commands import executor
from sfu.control.heartbeat import HeartbeatSequence, NodeIdentity
from sfu.control.heartbeat_sender import TIMEOUT, HeartbeatSender
from sfu.control.keyring import Keyring
from sfu.control.meter import Meter
from sfu.control.usage import TIMEOUT as QUEUE_TIMEOUT
from sfu.control.usage import UsageReporter
from sfu.gateway.reporter.admitted import AdmittedSessions
from sfu.gateway.reporter.mediamtx import MediaMtx
from sfu.node import logs
from sfu.node.shutdown import LAST_WORDS
from sfu.settings import Settings, SettingsError
from sfu.signalling.connections import Connections, most_for, raise_limit
from sfu.signalling.listener import Listener
from shared.keys import new_boot
from shared.messages import EndedReport, Load, StreamReport

log = logging.getLogger(__name__)

DEFAULT_API = "http://127.0.0.1:9997"


async def serve(settings: Settings, mediamtx_api: str) -> None:
    """Report until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    boot, meter = new_boot(secrets.token_bytes), Meter(time.time)
    admitted = AdmittedSessions(meter)
    async with aiohttp.ClientSession() as http:
        signed = SignedHttp(http, AwsCredentials(BotocoreSession().get_credentials), settings.aws_region)
        queue = SqsQueue(signed, settings.queue_endpoint, settings.queue_url)
        hook = f"{settings.api_url}/v1/hooks/mediamtx?node={quote(settings.node_id)}"
        gate = MediaMtx(http, hook, mediamtx_api, admitted, time.time)
        identity = NodeIdentity(
            settings.node_id, boot, settings.public_url, settings.region, time.time(), kind="mediamtx"
        )
        beats = HeartbeatSequence(identity)

        async def post(body: bytes) -> AwsAnswer:
            url = f"{settings.api_url}/v1/nodes/{settings.node_id}/heartbeat"
            return await signed.post("execute-api", url, body, {"Content-Type": "application/json"}, TIMEOUT)

        async def send(text: str) -> None:
            await queue.send(text, QUEUE_TIMEOUT)

        def snapshot() -> tuple[list[StreamReport], Load]:
            streams = admitted.streams(time.time())
            load = Load(
                publishers=len(streams),
                viewers=sum(stream.viewers for stream in streams),
                max_sessions=settings.max_sessions,
            )
            return streams, load

        uplink = HeartbeatSender(beats, post, snapshot, executor(gate), Keyring(), wall_clock=time.time)
        usage = UsageReporter(
            meter, send, node=settings.node_id, boot=boot, wall_clock=time.time, random=secrets.SystemRandom().random
        )

        def ended(report: EndedReport) -> None:
            log.info("session ended", extra={"session": report.session, "reason": report.reason})
            beats.ended(report)
            uplink.wake()
            usage.poke()

        gate.on_change, gate.on_end = uplink.changed, ended
        listener = Listener(gate.application(), connections=Connections(most_for(raise_limit())))
        port = await listener.open(settings.http_bind.host, settings.http_bind.port)
        log.info("listening", extra={"port": port, "mediamtx": mediamtx_api})
        tasks = [asyncio.ensure_future(task()) for task in (uplink.run, usage.run, gate.run)]
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        # MediaMTX goes on without us for as long as its lease; what it holds then is ended when we are back.
        beats.enter("draining")
        uplink.wake()
        await uplink.settle(1)
        await usage.finish(LAST_WORDS)
        for task in (stopping, *tasks):
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await listener.close()


def main(environ: Mapping[str, str] = os.environ) -> int:
    """The command."""
    try:
        settings = Settings.from_env(environ)
    except SettingsError as error:
        sys.stderr.write("".join(f"sluice mediamtx: {sentence}\n" for sentence in str(error).splitlines()))
        return 2
    logs.install(settings.log_level, node=settings.node_id)
    asyncio.run(serve(settings, environ.get("SLUICE_MEDIAMTX_API") or DEFAULT_API))
    return 0


if __name__ == "__main__":
    sys.exit(main())
