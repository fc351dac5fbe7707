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
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from botocore.session import Session as BotocoreSession
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector

from sfu.control.authorize import Authorizer
from sfu.control.aws import AwsCredentials, SignedHttp
from sfu.control.commands import executor
from sfu.control.handover import Handover, Reconnects
from sfu.control.heartbeat_sender import ReportedNode
from sfu.control.link import Link
from sfu.environment import SettingsError
from sfu.native.fanout import Fanout, Unavailable
from sfu.node import announce, logs
from sfu.node.end_notices import EndNotices
from sfu.node.health import make_health_app
from sfu.node.lifecycle import NodeStartError, Parts, run
from sfu.node.loopdelay import LoopDelay
from sfu.node.metrics import EndCounts, NodeCollector, Sources
from sfu.node.selftest import SelfTest
from sfu.node.shutdown import Shutdown
from sfu.plane.plane import Plane
from sfu.settings import NodeSettings, Sending
from sfu.signalling.app import make_app
from sfu.signalling.dependencies import Dependencies
from sfu.signalling.grant_api import MAX_IN_FLIGHT, GrantApi
from sfu.signalling.http_sessions import HttpSessions
from sfu.transport.srtp import OPENSSL
from shared.keys import new_boot

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HttpClients:
    """What reaches other machines. Requests for grants have connections of their own, so that a crowd delays no heartbeat."""

    control: SignedHttp
    exchange: aiohttp.ClientSession


def build(settings: NodeSettings, clients: HttpClients, shutdown: Shutdown, fanout: Fanout | None) -> Parts:
    """The node that *settings* describe, not started; it sends in Python where there is no *fanout*."""
    boot = new_boot(secrets.token_bytes)
    link = Link(settings, clients.control, boot=boot, clock=time.time, random=secrets.SystemRandom().random)
    authorizer = Authorizer(link.keyring, node=settings.node_id, boot=boot, monotonic=time.monotonic)
    http_sessions, ends = HttpSessions(), EndCounts()
    notices = EndNotices(link, http_sessions, ends.count)
    plane = _plane(settings, link, notices, fanout)
    selftest = SelfTest(settings.announce, plane.own, secrets.token_bytes)
    handover = Handover(plane, link.sequence, Reconnects(), lambda: shutdown.draining)
    deps = _signalling(settings, clients, link, plane, authorizer, http_sessions, notices, handover)
    sources = Sources(
        info=_info(settings, boot, fanout),
        link=link,
        load=plane.load,
        stats=plane.stats,
        loop_delay=(loop_delay := LoopDelay()),
        monotonic=lambda: asyncio.get_running_loop().time(),
        addresses=lambda: selftest.results,
        handed_over=lambda: {("publish",): handover.published, ("play",): handover.moved},
        answers=deps.answers,
        rejections=authorizer.rejections,
        ended=ends.counts,
    )
    return Parts(
        plane=plane,
        app=make_app(deps),
        health=_health(link, _registry(sources), selftest),
        link=link,
        reported=_reported(plane, handover),
        shutdown=shutdown,
        handover=handover,
        background=(loop_delay.run, selftest.run),
    )


def _plane(settings: NodeSettings, link: Link, notices: EndNotices, fanout: Fanout | None) -> Plane:
    """The media plane, which tells the link of changes and the notices of ends."""
    return Plane(
        (settings.udp_bind.host, settings.udp_bind.port),
        settings.announce,
        meter=link.meter,
        max_sessions=settings.max_sessions,
        max_unconnected_per_address=settings.max_unconnected_per_address,
        max_egress_kbps=settings.max_egress_kbps,
        clock=time.monotonic,
        wall=time.time,
        random_bytes=secrets.token_bytes,
        on_change=link.changed,
        on_end=notices.ended,
        fanout=fanout,
    )


def _signalling(
    settings: NodeSettings,
    clients: HttpClients,
    link: Link,
    plane: Plane,
    authorizer: Authorizer,
    http_sessions: HttpSessions,
    notices: EndNotices,
    handover: Handover,
) -> Dependencies:
    """What WHIP and WHEP are served with."""
    return Dependencies(
        node_id=settings.node_id,
        public_url=settings.public_url,
        plane=plane,
        authorizer=authorizer,
        request_grant=GrantApi(clients.exchange, settings.api_url, settings.node_id),
        now=link.clock,
        random_bytes=secrets.token_bytes,
        sessions=http_sessions,
        trusted_proxies=settings.trusted_proxies,
        reconnects=handover.reconnects,
        draining=lambda: handover.draining,
        on_refused=notices.refused,
        until_end_is_known=link.heartbeats.told,
        restarts=plane,
        reports=plane.streams,
        layers=plane.layers,
        state=plane.client_state,
        playback_url=settings.playback_url,
        ice_servers=settings.ice_servers,
        wait_seconds=settings.wait_seconds,
    )


def _reported(plane: Plane, handover: Handover) -> ReportedNode:
    """What heartbeats tell of the media plane, without the sessions that are being handed over."""
    return ReportedNode(
        snapshot=lambda: (handover.reported(), plane.load()),
        execute=executor(plane),
        waiting=handover.waiting,
        on_reply=handover.heard,
    )


def _info(settings: NodeSettings, boot: str, fanout: Fanout | None) -> dict[str, str]:
    """The labels of the metric that says who this process is."""
    sending = Sending.PYTHON if fanout is None else Sending.COMPILED
    return {"node": settings.node_id, "boot": boot, "region": settings.region, "sending": str(sending)}


def _health(link: Link, registry: CollectorRegistry, selftest: SelfTest) -> web.Application:
    """The node's own port: health, readiness and metrics."""
    return make_health_app(
        ready=lambda: link.heartbeats.ready, state=lambda: link.state, registry=registry, addresses=selftest.state
    )


def _registry(sources: Sources) -> CollectorRegistry:
    """What Prometheus reads: the node's numbers, and those of the process and of Python's memory."""
    registry = CollectorRegistry()
    registry.register(NodeCollector(sources))
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


async def serve(settings: NodeSettings) -> int:
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
    """Start the node that the environment describes, and run it to its end; the exit code."""
    try:
        settings = NodeSettings.from_env(os.environ)
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
