"""Viewers that come, get a picture and go, a thousand times: what of it stays in the server's memory."""

import asyncio
import time
from dataclasses import dataclass

from tests.bench import machine
from tests.bench.load import join, publishing
from tests.bench.servers import Server
from tests.peers import peer
from tests.peers.viewer import Viewer

AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Churn:
    """Memory before, after the first tenth (warm), and after all were gone."""

    server: str
    came: int
    refused: int
    before_mb: float
    warm_mb: float
    after_mb: float
    seconds: float


async def churn(server: Server, count: int) -> Churn:
    """*count* joins and leaves, twenty at a time; half leave by DELETE, half by close_notify."""
    stream = server.new_stream()
    pids = machine.family(server.pid)
    began = time.monotonic()
    came = 0
    async with peer.host() as host, publishing(server, stream, gop=1.0) as source:
        await asyncio.sleep(2.0)
        before = machine.memory_mb(pids)

        async def leave(viewer: Viewer, *, politely: bool) -> None:
            await asyncio.wait([viewer.flowing], timeout=2)
            if politely and server.name != "broadcast-box":
                await viewer.close(linger=0.0)
            else:
                viewer.hang_up()
                viewer.vanish()

        async def wave(size: int) -> int:
            viewers = await join(host, server, stream, source, size, at_once=size)
            await asyncio.gather(*(leave(viewer, politely=n % 2 == 0) for n, viewer in enumerate(viewers)))
            return len(viewers)

        while came < count // 10:
            came += await wave(AT_ONCE) or count
        await asyncio.sleep(2.0)
        warm = machine.memory_mb(pids)
        tried = came
        while tried < count:
            came += await wave(AT_ONCE)
            tried += AT_ONCE
        await asyncio.sleep(2.0)
        after = machine.memory_mb(pids)
    return Churn(server.name, came, tried - came, before, warm, after, time.monotonic() - began)
