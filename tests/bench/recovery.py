"""Viewers behind a bad network: 5 % loss, 50 ms and 10 ms of jitter each way, and what NACKs get back of it."""

import asyncio
from dataclasses import dataclass

from tests.bench.load import MeasurementError, publishing, total
from tests.bench.servers import Server, tail
from tests.peers import peer
from tests.peers.lossy import Lossy, Network
from tests.peers.protocol import whip
from tests.peers.viewer import Viewer

NETWORK = Network(loss=0.05, delay=0.05, jitter=0.01)
SETTLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was missing on the way, and after recovery."""

    server: str
    viewers: int
    packets: int
    gaps_percent: float
    """Did not come in order: lost or overtaken."""
    missing_percent: float
    """Never came."""
    duplicates_percent: float
    nacked: int


async def recovery(server: Server, viewers: int, seconds: float) -> Recovery:
    """*viewers* viewers for *seconds*; packets that a viewer could still get are waited for before counting."""
    stream = server.new_stream()
    async with peer.host() as host, publishing(server, stream, gop=1.0) as source:
        await asyncio.sleep(1.0)

        async def one(seed: int) -> Viewer | None:
            for again in range(4):
                relay = Lossy(NETWORK, 10 * seed + again)
                bearer = server.bearer(stream)
                viewer = Viewer(host, server.whep(stream), source.clip, source.stamps, bearer=bearer, via=relay)
                try:
                    await viewer.connect(timeout=5)
                except (whip.Refused, TimeoutError, OSError):
                    continue  # a handshake that lost too much; what is measured here is media
                return viewer
            return None

        watching = [v for v in await asyncio.gather(*(one(n) for n in range(viewers))) if v is not None]
        if not watching:
            raise MeasurementError(f"no viewer could join {server.name} over the bad network: {tail(server.log)}")
        await asyncio.sleep(seconds)
        marks = {(v, t.ssrc): t.highest for v in watching for t in v.tracks.values()}
        counts = total(watching)
        await asyncio.sleep(SETTLE_SECONDS)
        missing = sum(
            sum(1 for index in t.missing if index <= marks.get((v, t.ssrc), 0))
            for v in watching
            for t in v.tracks.values()
        )
        for viewer in watching:
            viewer.hang_up()
            viewer.vanish()
    expected = counts.packets + counts.missing
    return Recovery(
        server=server.name,
        viewers=len(watching),
        packets=expected,
        gaps_percent=100 * counts.gaps / expected,
        missing_percent=100 * missing / expected,
        duplicates_percent=100 * counts.duplicates / expected,
        nacked=counts.nacked,
    )
