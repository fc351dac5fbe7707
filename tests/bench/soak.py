"""`make soak`: a node for ten minutes, with viewers that come and go and a publisher that restarts; nothing may grow.

What is held at the end: resident memory has no slope beyond its bound, the process has as many descriptors and tasks as
it had when it was quiet, every viewer got its packets, and not one warning was logged. The chances are seeded.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from shared.grants import Action
from tests.bench import machine, servers
from tests.peers import peer
from tests.peers.clips import clip, stamps
from tests.peers.protocol import whip
from tests.peers.publisher import Publisher
from tests.peers.viewer import Viewer

RECIPE = clip.Recipe(seconds=4, width=640, height=360, video_kbps=500, audio_kbps=48)
VIEWERS = 12
STAY_SECONDS = (0.5, 8.0)
PUBLISH_SECONDS = (6.0, 15.0)
SAMPLE_SECONDS = 1.0
QUIET_SECONDS = 3.0
WARM_SHARE = 0.25
SLOPE_MB_PER_HOUR = 15.0
"""Ten minutes may move the heap by 2.5 MB; a session that were kept would move it by ten times as much."""
SHORT_MB = 2.0
"""What a run of some seconds may move, where a slope says nothing."""


@dataclass(slots=True)
class Soak:
    """What happened, and the process's state when it was quiet before and after."""

    seconds: float = 0.0
    joined: int = 0
    refused: int = 0
    published: int = 0
    packets: int = 0
    lost: int = 0
    memory: list[tuple[float, float]] = field(default_factory=list)
    """(seconds, MB), while it runs."""
    descriptors: tuple[int, int] = (0, 0)
    tasks: tuple[int, int] = (0, 0)
    warnings: list[str] = field(default_factory=list)

    @property
    def slope(self) -> float:
        """MB an hour, once the caches are warm."""
        warm = [(at, mb) for at, mb in self.memory if at >= self.seconds * WARM_SHARE]
        return 3600 * slope(warm)

    def faults(self) -> list[str]:
        """What is wrong; nothing is what is wanted."""
        found = []
        grown = self.slope * self.seconds * (1 - WARM_SHARE) / 3600
        if grown > SHORT_MB and self.slope > SLOPE_MB_PER_HOUR:
            found.append(f"memory grows by {self.slope:.0f} MB an hour")
        if self.descriptors[1] > self.descriptors[0]:
            found.append(f"{self.descriptors[1] - self.descriptors[0]} descriptors were left open")
        if self.tasks[1] > self.tasks[0]:
            found.append(f"{self.tasks[1] - self.tasks[0]} tasks were left")
        if self.warnings:
            found.append(f"{len(self.warnings)} warnings were logged, the first: {self.warnings[0][:300]}")
        if not self.joined or not self.packets:
            found.append("nobody saw anything")
        return found


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The least-squares slope of *points*."""
    n = len(points)
    if n < 2:
        return 0.0
    x = sum(at for at, _ in points) / n
    y = sum(value for _, value in points) / n
    spread = sum((at - x) ** 2 for at, _ in points)
    return sum((at - x) * (value - y) for at, value in points) / spread if spread else 0.0


def complaints(log: Iterable[str]) -> list[str]:
    """The lines of a node's log that are warnings or worse, or no JSON at all."""
    found = []
    for line in log:
        try:
            entry = json.loads(line)
        except ValueError:
            entry = {"level": "NONE"}
        if "tasks" not in entry and str(entry.get("level", "")).upper() not in {"INFO", "DEBUG"}:
            found.append(line.strip())
    return found


@dataclass
class _Audience:
    """The publisher and the viewers of one run."""

    server: servers.Server
    host: peer.Host
    chance: random.Random
    result: Soak
    video: clip.Clip = field(default_factory=lambda: clip.load(RECIPE))
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """One table of sending times for all."""
        self.table = stamps.table(self.video)
        self.stream = self.server.new_stream()

    async def once(self) -> None:
        """One session on a stream of its own: what is made once (caches, pools) is no leak."""
        stream = self.server.new_stream()
        async with (
            Publisher(self.host, _whip(self.server, stream, 1), self.video, self.table),
            Viewer(self.host, self.server.whep(stream), self.video, self.table) as viewer,
        ):
            await asyncio.wait_for(viewer.picture, 10)

    async def publish(self) -> None:
        """Encoders one after the other; half of them are killed, and the next one takes over with a higher epoch."""
        while not self.over.is_set():
            url = _whip(self.server, self.stream, self.result.published + 1)
            one = Publisher(self.host, url, self.video, self.table)
            if not await self._connected(one):
                continue
            self.result.published += 1
            await self.wait(self.chance.uniform(*PUBLISH_SECONDS))
            if self.chance.random() < 0.5:
                await one.close(linger=0)
            else:
                one.vanish()

    async def watch(self) -> None:
        """Viewers one after the other; half DELETE, some close DTLS, the rest goes without a word."""
        result = self.result
        while not self.over.is_set():
            one = Viewer(self.host, self.server.whep(self.stream), self.video, self.table)
            if not await self._connected(one):
                continue
            result.joined += 1
            await self.wait(self.chance.uniform(*STAY_SECONDS))
            counts = one.counts()
            result.packets += counts.packets
            result.lost += counts.missing
            kind = self.chance.random()
            if kind < 0.5:
                await one.close(linger=0)
            elif kind < 0.8:
                one.hang_up()
            one.vanish()

    async def sample(self) -> None:
        """Look at the process's memory."""
        began = time.monotonic()
        while not self.over.is_set():
            self.result.memory.append((time.monotonic() - began, machine.memory_mb([self.server.pid])))
            await self.wait(SAMPLE_SECONDS)

    async def wait(self, seconds: float) -> None:
        """Sleep, until it is over."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.over.wait(), seconds)

    async def _connected(self, one: peer.Peer) -> bool:
        try:
            await one.connect()
        except (whip.Refused, TimeoutError, OSError):
            self.result.refused += 1
            await self.wait(0.3)
            return False
        return True


async def soak(seconds: float, seed: int = 1) -> Soak:
    """Run one node for *seconds*."""
    core, _ = machine.cores()
    result = Soak(seconds=seconds)
    chance = random.Random(seed)  # noqa: S311 - chance that can be repeated is wanted
    async with servers.sluice(core, "tests.bench.watched") as server, peer.host() as host:
        audience = _Audience(server, host, chance, result)
        await audience.once()
        await asyncio.sleep(QUIET_SECONDS)
        before = await _state(server)
        async with asyncio.TaskGroup() as work:
            work.create_task(audience.publish())
            work.create_task(audience.sample())
            for _ in range(VIEWERS):
                work.create_task(audience.watch())
            await asyncio.sleep(seconds)
            audience.over.set()
        # Those who went without a word are noticed by their silence: 30 s for a viewer.
        after = await _until_quiet(server, before)
        result.descriptors, result.tasks = (before[0], after[0]), (before[1], after[1])
        result.warnings = complaints(_lines(server.log))
    return result


def _whip(server: servers.Server, stream: str, epoch: int) -> str:
    assert server.api is not None
    grant = server.api.grant(stream, Action.PUBLISH, epoch=epoch)
    return f"{server.whip(stream).partition('?')[0]}?grant={grant}"


async def _state(server: servers.Server) -> tuple[int, int]:
    """(descriptors, tasks) of the node now."""
    lines = len(_told(server.log))
    os.kill(server.pid, signal.SIGUSR1)
    async with asyncio.timeout(10):
        while len(told := _told(server.log)) == lines:  # noqa: ASYNC110 - the answer is a line in a process's log
            await asyncio.sleep(0.05)
    return len(os.listdir(f"/proc/{server.pid}/fd")), told[-1]  # noqa: PTH208 - procfs, not a folder


def _lines(log: Path) -> list[str]:
    return log.read_text().splitlines()


def _told(log: Path) -> list[int]:
    found = []
    for line in _lines(log):
        with suppress(ValueError, TypeError, KeyError):
            found.append(int(json.loads(line)["tasks"]))
    return found


async def _until_quiet(server: servers.Server, before: tuple[int, int]) -> tuple[int, int]:
    end = time.monotonic() + 60
    while True:
        now = await _state(server)
        if (now[0] <= before[0] and now[1] <= before[1]) or time.monotonic() > end:
            return now
        await asyncio.sleep(1)


def main() -> int:
    """Run, print, and fail where something grew."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.soak", description=__doc__.split("\n\n", maxsplit=1)[0]
    )
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    result = asyncio.run(soak(a.seconds, a.seed))
    lines = [
        f"{result.seconds:.0f} s: {result.published} publishers and {result.joined} viewers came and went",
        f"packets     {result.packets}, {result.lost} lost; {result.refused} came while nothing was live",
        f"memory      {result.memory[0][1]:.1f} MB at first, {result.memory[-1][1]:.1f} MB at last",
        f"slope       {result.slope:+.1f} MB an hour after the first quarter",
        f"descriptors {result.descriptors[0]} before, {result.descriptors[1]} after",
        f"tasks       {result.tasks[0]} before, {result.tasks[1]} after",
        f"warnings    {len(result.warnings)}",
        *(f"! {fault}" for fault in result.faults()),
    ]
    print("\n".join(lines))  # noqa: T201 - a command's output
    return 1 if result.faults() else 0


if __name__ == "__main__":
    sys.exit(main())
