"""Starts one SFU node: `python -m sfu`, told by its environment (see `sfu.settings`). The composition root.

Everything that the node is made of is made here, once, and handed to whoever needs it; nothing else in `sfu` reads the
environment, the clock or randomness. Exit code 0: drained; 1: ended by force; 2: could not start, and standard error says
in one sentence why.
"""

import asyncio
import gc
import logging
import os
import secrets
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import aiohttp
from botocore.session import Session as BotocoreSession
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector

from sfu.control.authorize import Authorizer
from sfu.control.aws import AwsAnswer, AwsCredentials, SignedHttp, SqsQueue
from sfu.control.commands import executor
from sfu.control.handover import Handover, Reconnects
from sfu.control.heartbeat import HeartbeatSequence, NodeIdentity
from sfu.control.heartbeat_sender import TIMEOUT, HeartbeatSender
from sfu.control.keyring import Keyring
from sfu.control.meter import Meter
from sfu.control.usage import TIMEOUT as QUEUE_TIMEOUT
from sfu.control.usage import UsageReporter
from sfu.control.walltime import WallTime
from sfu.native.fanout import Fanout, Unavailable
from sfu.node import announce, logs
from sfu.node.end_notices import EndNotices
from sfu.node.health import make_health_app
from sfu.node.lifecycle import NodeStartError, Parts, run
from sfu.node.loopdelay import LoopDelay
from sfu.node.metrics import NodeCollector, Sources
from sfu.node.selftest import SelfTest
from sfu.node.shutdown import Shutdown
from sfu.plane.plane import Plane
from sfu.settings import Sending, Settings, SettingsError
from sfu.signalling.app import make_app
from sfu.signalling.dependencies import Dependencies
from sfu.signalling.grant_api import MAX_IN_FLIGHT, GrantApi
from sfu.signalling.http_sessions import HttpSessions
from sfu.transport.srtp import OPENSSL
from shared.keys import new_boot

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HttpClients:
    """What reaches other machines. The exchange has its own connections: a crowd at the door delays no heartbeat."""

    control: SignedHttp
    exchange: aiohttp.ClientSession


def build(settings: Settings, clients: HttpClients, shutdown: Shutdown, fanout: Fanout | None) -> Parts:
    """The node that *settings* describe, not started; it sends in Python where there is no *fanout*."""
    boot = new_boot(secrets.token_bytes)
    keyring = Keyring()
    walltime = WallTime(time.time)
    meter = Meter(walltime)
    http_sessions = HttpSessions()
    loop_delay = LoopDelay()
    authorizer = Authorizer(keyring, node=settings.node_id, boot=boot)
    plane = Plane(
        (settings.udp_bind.host, settings.udp_bind.port),
        settings.announce,
        meter=meter,
        max_sessions=settings.max_sessions,
        max_unconnected_per_address=settings.max_unconnected_per_address,
        max_egress_kbps=settings.max_egress_kbps,
        fanout=fanout,
    )
    selftest = SelfTest(settings.announce, plane.own)
    beats = HeartbeatSequence(NodeIdentity(settings.node_id, boot, settings.public_url, settings.region, time.time()))
    reconnects = Reconnects()
    handover = Handover(plane, beats, reconnects, lambda: shutdown.draining)
    heartbeat_url = f"{settings.api_url}/v1/nodes/{settings.node_id}/heartbeat"

    async def post(body: bytes) -> AwsAnswer:
        headers = {"Content-Type": "application/json"}
        return await clients.control.post("execute-api", heartbeat_url, body, headers, TIMEOUT)

    queue = SqsQueue(clients.control, settings.queue_endpoint, settings.queue_url)

    async def send(text: str) -> None:
        await queue.send(text, QUEUE_TIMEOUT)

    uplink = HeartbeatSender(
        beats,
        post,
        lambda: (handover.reported(time.time()), plane.load(time.time())),
        executor(plane),
        keyring,
        wall_clock=walltime,
        waiting=handover.waiting,
        on_reply=handover.heard,
    )
    usage = UsageReporter(
        meter, send, node=settings.node_id, boot=boot, wall_clock=walltime, random=secrets.SystemRandom().random
    )
    answers: Counter[tuple[str, str]] = Counter()
    sources = Sources(
        info={
            "node": settings.node_id,
            "boot": boot,
            "region": settings.region,
            "sending": str(Sending.PYTHON if fanout is None else Sending.COMPILED),
        },
        state=lambda: beats.state,
        load=lambda: plane.load(time.time()),
        stats=plane.stats,
        uplink=uplink,
        usage=usage,
        meter=meter,
        loop_delay=loop_delay,
        monotonic=lambda: asyncio.get_running_loop().time(),
        addresses=lambda: selftest.results,
        handed_over=lambda: {("publish",): handover.published, ("play",): handover.moved},
        clock_offset=lambda: walltime.offset,
        answers=answers,
        rejections=authorizer.rejections,
    )
    endings = EndNotices(beats, uplink, usage, http_sessions, sources.count_ended, walltime)

    def state(session_id: str) -> dict[str, Any] | None:
        session = plane.session(session_id)
        if session is None:
            return None
        source = plane.source(session.stream)
        carries = {} if source is None else {track.kind: track.codec.name for track in source.tracks}
        return {**session.state(time.monotonic()), "carries": carries}

    deps = Dependencies(
        node_id=settings.node_id,
        public_url=settings.public_url,
        plane=plane,
        authorizer=authorizer,
        request_grant=GrantApi(clients.exchange, settings.api_url, settings.node_id),
        now=walltime,
        random_bytes=secrets.token_bytes,
        sessions=http_sessions,
        trusted_proxies=settings.trusted_proxies,
        reconnects=reconnects,
        draining=lambda: handover.draining,
        on_refused=endings.refused,
        until_end_is_known=uplink.told,
        restarts=plane,
        reports=plane.streams,
        layers=plane.layers,
        state=state,
        playback_url=settings.playback_url,
        ice_servers=settings.ice_servers,
        wait_seconds=settings.wait_seconds,
        answers=answers,
    )
    uplink.on_time = walltime.learn
    plane.on_change = uplink.changed
    plane.on_end = endings.ended

    registry = CollectorRegistry()
    registry.register(NodeCollector(sources))
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)

    def sessions() -> int:
        load = plane.load(time.time())
        return load.publishers + load.viewers

    return Parts(
        plane=plane,
        app=make_app(deps),
        health=make_health_app(
            ready=lambda: uplink.ready, state=lambda: beats.state, registry=registry, addresses=selftest.state
        ),
        beats=beats,
        uplink=uplink,
        usage=usage,
        shutdown=shutdown,
        handover=handover,
        sessions=sessions,
        background=(loop_delay.run, selftest.run),
    )


async def serve(settings: Settings) -> int:
    """Run one node until it is asked to stop; the exit code."""
    shutdown = Shutdown()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, shutdown.signalled)
    credentials = AwsCredentials(BotocoreSession().get_credentials)
    async with (
        aiohttp.ClientSession() as control,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=MAX_IN_FLIGHT)) as exchange,
    ):
        signed = SignedHttp(control, credentials, settings.aws_region)
        settings = announce.apply(settings, await announce.find(settings, os.environ, control, signed))
        logs.install(settings.log_level, node=settings.node_id)
        parts = build(settings, HttpClients(signed, exchange), shutdown, _fanout(settings.sending))
        # What is there now stays: no collection looks at it again, and so none is long enough to delay media.
        gc.collect()
        gc.freeze()
        return await run(settings, parts)


def _fanout(wanted: Sending) -> Fanout | None:
    """The compiled way of sending, where it is wanted and there; raises `NodeStartError` where it must be there and is not."""
    if wanted is Sending.PYTHON:
        return None
    try:
        return Fanout.load(OPENSSL)
    except Unavailable as error:
        if wanted is Sending.COMPILED:
            raise NodeStartError(f"SLUICE_SENDING is compiled. {error}") from error
        log.warning("media is sent by Python, which costs almost twice the processor time: %s", error)
        return None


def main() -> int:
    """The command."""
    try:
        settings = Settings.from_env(os.environ)
        logs.install(settings.log_level, node=settings.node_id)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(serve(settings))
    except (SettingsError, announce.NotFoundOutError, NodeStartError) as error:
        for sentence in str(error).splitlines():
            sys.stderr.write(f"sluice node: {sentence}\n")
        return 2


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """The event loop of uvloop where it is installed: it costs less CPU a datagram and a timer."""
    try:
        import uvloop  # noqa: PLC0415  # optional: no wheel for every platform
    except ImportError:
        return None
    return uvloop.Loop


if __name__ == "__main__":
    sys.exit(main())
