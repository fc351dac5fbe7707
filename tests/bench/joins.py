"""Joining: how long from the POST to the first complete keyframe, and what a crowd that joins at once does to the others.

The encoder has a keyframe every 10 s and ignores requests for one, as OBS and FFmpeg do.
"""

import asyncio
import time
from dataclasses import dataclass

from tests.bench.load import MeasurementError, join, publishing, total
from tests.bench.servers import Server, tail
from tests.peers import peer
from tests.peers.protocol import whip
from tests.peers.viewer import Viewer

GOP_SECONDS = 10.0
STORM_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Joins:
    """Joins spread over one group of pictures."""

    server: str
    joins: int
    failed: int
    """Refused, or no keyframe within the group's length."""
    p50_ms: float
    p95_ms: float
    first_packet_p50_ms: float
    connected_p50_ms: float
    """POST to SRTP keys: HTTP, ICE and DTLS."""


async def joins(server: Server, count: int) -> Joins:
    """*count* joins in the length of one group of pictures."""
    stream = server.new_stream()
    async with peer.host() as host, publishing(server, stream, gop=GOP_SECONDS) as source:
        await asyncio.sleep(1.5)

        async def one(after: float) -> Viewer | None:
            await asyncio.sleep(after)
            viewer = Viewer(host, server.whep(stream), source.clip, source.stamps, bearer=server.bearer(stream))
            try:
                await viewer.connect()
            except (whip.Refused, TimeoutError, OSError):
                return None
            await asyncio.wait([viewer.picture], timeout=GOP_SECONDS + 1)
            viewer.hang_up()
            await asyncio.sleep(0.05)
            viewer.vanish()
            return viewer

        tried = await asyncio.gather(*(one(GOP_SECONDS * n / count) for n in range(count)))
    good = [viewer.at for viewer in tried if viewer is not None and viewer.at.first_keyframe]
    if not good:
        raise MeasurementError(f"no join at {server.name} gave a picture: {tail(server.log)}")
    pictures = sorted(at.first_keyframe - at.posted for at in good)
    packets = sorted(at.first_packet - at.posted for at in good)
    connected = sorted(at.secured - at.posted for at in good)
    return Joins(
        server=server.name,
        joins=count,
        failed=count - len(good),
        p50_ms=pictures[len(pictures) // 2] * 1e3,
        p95_ms=pictures[min(len(pictures) - 1, len(pictures) * 95 // 100)] * 1e3,
        first_packet_p50_ms=packets[len(packets) // 2] * 1e3,
        connected_p50_ms=connected[len(connected) // 2] * 1e3,
    )


@dataclass(frozen=True, slots=True)
class Storm:
    """A crowd that joins within two seconds, while others watch."""

    server: str
    crowd: int
    in_: int
    all_in_seconds: float
    """From the first POST until the last of the crowd had its first packet."""
    watchers_lost: int
    watchers_packets: int


async def storm(server: Server, crowd: int, watchers: int = 20) -> Storm:
    """*crowd* joins in two seconds."""
    stream = server.new_stream()
    async with peer.host() as host, publishing(server, stream, gop=1.0) as source:
        await asyncio.sleep(1.0)
        there = await join(host, server, stream, source, watchers)
        await asyncio.sleep(1.0)
        before = total(there)
        began = time.time()

        async def one(after: float) -> list[Viewer]:
            await asyncio.sleep(after)
            return await join(host, server, stream, source, 1)

        came = [
            v for found in await asyncio.gather(*(one(STORM_SECONDS * n / crowd) for n in range(crowd))) for v in found
        ]
        if came:
            await asyncio.wait([viewer.flowing for viewer in came], timeout=5)
        await asyncio.sleep(2.0)
        lost = total(there) - before
        for viewer in there + came:
            viewer.hang_up()
            viewer.vanish()
    got = [viewer.at.first_packet for viewer in came if viewer.at.first_packet]
    return Storm(server.name, crowd, len(got), max(got, default=began) - began, lost.missing, lost.packets)
