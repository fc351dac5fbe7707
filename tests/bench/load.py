"""The load: one publisher in a process of its own and many viewers in this one, on the core that the server has not.

Processor time of the server and what the viewers decrypted are taken over the same window.
"""

import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tests.bench import machine
from tests.bench.servers import ROOT, Server, tail
from tests.peers import peer
from tests.peers.clips import clip, stamps
from tests.peers.protocol import whip
from tests.peers.viewer import Counts, Viewer

PACE = 0.004
JOINING = 12
SATURATED = 0.92


class MeasurementError(Exception):
    """A measurement could not be made; the text says why, and the run goes on without it."""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """One server under one number of viewers."""

    server: str
    viewers: int
    joined: int
    seconds: float
    cpu: float
    """The server's share of its core."""
    cpu_per_gbit: float
    """The server's CPU seconds for each gigabit (10^9 bits of SRTP) that viewers decrypted."""
    mbit_per_s: float
    packets: int
    lost: int
    """Still missing a second after the window, NACKs and all."""
    lost_percent: float
    gaps: int
    """Not there in order, recovered or not."""
    dropped_by_load: int
    """Datagrams that came when a viewer's socket was full: the load generator's fault, not the server's."""
    altered: int
    unauthentic: int
    duplicates: int
    latency_p50_ms: float
    latency_p99_ms: float
    memory_mb: float
    memory_idle_mb: float
    load_cpu: float
    """The load generator's share of its core, publisher included."""
    publisher_late_ms: float
    disturbed: float
    """Share of the server's core that others than the server used."""

    @property
    def saturated(self) -> bool:
        """Whether the load generator was the bottleneck."""
        return self.load_cpu > SATURATED


@dataclass(slots=True)
class PublisherProcess:
    """A publisher in its own process."""

    process: asyncio.subprocess.Process
    clip: clip.Clip
    stamps: "memoryview[float]"
    totals: dict[str, Any]

    async def stop(self) -> None:
        """Have it end its session and print its totals."""
        if self.process.returncode is None:
            self.process.terminate()
            out, _ = await asyncio.wait_for(self.process.communicate(), 15)
            lines = out.decode().strip().splitlines()
            self.totals |= json.loads(lines[-1]) if lines else {}


@asynccontextmanager
async def publishing(
    server: Server, stream: str, *, gop: float, spread: float = 0.0
) -> AsyncIterator[PublisherProcess]:
    """A publisher on *stream* while the block lasts."""
    recipe = clip.Recipe(gop_seconds=gop)
    video = clip.load(recipe)
    with tempfile.TemporaryDirectory(prefix="sluice-bench") as folder:
        table = Path(folder) / "stamps"
        shared = stamps.table(video, table)
        token = server.bearer(stream)
        options = [
            "--gop",
            str(gop),
            "--stamps",
            str(table),
            "--spread-ms",
            str(spread * 1e3),
            *(["--bearer", token] if token else []),
        ]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.peers", "publish", server.whip(stream), *options),
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        source = PublisherProcess(process, video, shared, {})
        try:
            assert process.stdout is not None
            if not await asyncio.wait_for(process.stdout.readline(), 20):
                raise MeasurementError(f"the publisher did not connect to {server.name}: {tail(server.log)}")
            yield source
        finally:
            await source.stop()


async def join(
    host: peer.Host, server: Server, stream: str, source: PublisherProcess, viewers: int, *, at_once: int = JOINING
) -> list[Viewer]:
    """*viewers* viewers of *stream*, *at_once* at a time; those that were refused or timed out are left out."""
    gate = asyncio.Semaphore(at_once)

    async def one() -> Viewer | None:
        async with gate:
            viewer = Viewer(host, server.whep(stream), source.clip, source.stamps, bearer=server.bearer(stream))
            try:
                await viewer.connect(timeout=15)
            except (whip.Refused, TimeoutError, OSError) as error:
                print(f"  a viewer of {server.name} could not join: {error!r}", file=sys.stderr)  # noqa: T201
                return None
            return viewer

    return [viewer for viewer in await asyncio.gather(*(one() for _ in range(viewers))) if viewer is not None]


def total(viewers: list[Viewer]) -> Counts:
    """The sum of what *viewers* have counted."""
    counts = [viewer.counts() for viewer in viewers]
    return sum(counts[1:], start=counts[0])


async def measure(server: Server, viewers: int, seconds: float, server_core: int, *, spread: float = 0.0) -> LoadResult:
    """Put *viewers* viewers on *server* and measure for *seconds*."""
    stream = server.new_stream()
    pids = machine.family(server.pid)
    idle = machine.memory_mb(pids)
    async with peer.host(pace=PACE) as host, publishing(server, stream, gop=1.0, spread=spread) as source:
        await asyncio.sleep(1.0)
        watching = await join(host, server, stream, source, viewers)
        if not watching:
            raise MeasurementError(f"no viewer could join {server.name}: {tail(server.log)}")
        await asyncio.sleep(2.5)
        latencies = array("d")
        for viewer in watching:
            viewer.latencies = latencies
        gc.collect()
        gc.disable()
        publisher = source.process.pid

        def clocks() -> tuple[float, float, float, float, float]:
            own = time.process_time() + machine.cpu_seconds([publisher])
            return time.monotonic(), machine.cpu_seconds(pids), own, machine.core_busy_seconds(server_core), time.time()

        before, counted = clocks(), total(watching)
        await asyncio.sleep(seconds)
        after, counts = clocks(), total(watching) - counted
        for viewer in watching:
            viewer.latencies = None
        gc.enable()
        memory = machine.memory_mb(pids)
        await asyncio.sleep(1.0)
        missing = total(watching).missing - counted.missing
        dropped = machine.dropped(viewer.port for viewer in watching)
        ended = [viewer.ended.result() for viewer in watching if viewer.ended.done()]
        for viewer in watching:
            viewer.hang_up()
        await asyncio.sleep(0.1)
        for viewer in watching:
            viewer.vanish()
        await source.stop()
        if ended:
            raise MeasurementError(f"{len(ended)} of {len(watching)} viewers of {server.name} were ended: {ended[0]}")
    wall, cpu, own = (after[n] - before[n] for n in range(3))
    gbit = counts.octets * 8 / 1e9
    ordered = sorted(latencies) or [0.0]
    return LoadResult(
        server=server.name,
        viewers=viewers,
        joined=len(watching),
        seconds=round(wall, 2),
        cpu=cpu / wall,
        cpu_per_gbit=cpu / gbit if gbit else 0.0,
        mbit_per_s=gbit * 1e3 / wall,
        packets=counts.packets,
        lost=missing,
        lost_percent=100 * missing / max(1, counts.packets + missing),
        gaps=counts.gaps,
        dropped_by_load=dropped,
        altered=counts.altered,
        unauthentic=counts.unauthentic,
        duplicates=counts.duplicates,
        latency_p50_ms=ordered[len(ordered) // 2] * 1e3,
        latency_p99_ms=ordered[len(ordered) * 99 // 100] * 1e3,
        memory_mb=memory,
        memory_idle_mb=idle,
        load_cpu=own / wall,
        publisher_late_ms=float(source.totals.get("late_ms", 0.0)),
        disturbed=max(0.0, (after[3] - before[3] - cpu) / wall),
    )


def rounded(load: LoadResult) -> dict[str, Any]:
    """The figures as JSON shows them."""
    return {
        name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(replace(load)).items()
    } | {"saturated": load.saturated}
