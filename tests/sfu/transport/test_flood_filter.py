"""The filter against strangers: what it lets in, on the real kernel, and when it is on."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest

from sfu.stats import PlaneStats
from sfu.transport.flood_filter import (
    BEHIND,
    BUDGET,
    CALM,
    FLOOD,
    LARGEST_CHECK,
    MOST_KNOWN,
    TORRENT,
    FloodFilter,
    key,
    program,
)
from sfu.transport.udp import Address, UdpSocket
from tests.peers.protocol import stun

CHECK = stun.binding_request(bytes(12), username="ours:theirs", password="p" * 24, tie_breaker=1)
LARGE_CHECK = b"\0\1" + (LARGEST_CHECK - 20).to_bytes(2, "big") + CHECK[4:20] + bytes(LARGEST_CHECK - 20)
RTP, RTCP, HELLO = b"\x80\x60" + bytes(100), b"\x80\xc8" + bytes(60), b"\x16\xfe\xfd" + bytes(120)
STRANGE = [RTP, RTCP, HELLO, b"", b"\0", b"\0\1", CHECK[:7], b"\x40" * 60, b"\xff" * 1200, LARGE_CHECK + bytes(4),
           b"\1\1" + CHECK[2:], CHECK[:4] + bytes(4) + CHECK[8:], b"\xff" * 60_000]  # fmt: skip


@dataclass
class Door:
    """Our socket, and what came through."""

    udp: UdpSocket
    received: list[tuple[bytes, Address]] = field(default_factory=list)

    async def takes(self, peer: socket.socket, *data: bytes) -> list[bytes]:
        """Which of *data* from *peer* get in: a known one's datagram is sent behind them, on the same path."""
        self.received.clear()
        for one in data:
            peer.sendto(one, ("::1" if peer.family == socket.AF_INET6 else "127.0.0.1", self.udp.address[1]))
        before = -1
        while before != len(self.received):
            before = len(self.received)
            await asyncio.sleep(0.02)
        return [got for got, _ in self.received]


@pytest.fixture(params=["127.0.0.1", "::"])
async def door(request: pytest.FixtureRequest) -> AsyncIterator[Door]:
    """Of IPv4, and of both."""
    received: list[tuple[bytes, Address]] = []
    udp = UdpSocket(
        (request.param, 0),
        PlaneStats(),
        on_datagram=lambda data, address: received.append((data, address[:2])),
        on_drained=lambda: None,
        wall=time.time,
    )
    udp.start(asyncio.get_running_loop())
    yield Door(udp, received)
    udp.close()


@contextlib.contextmanager
def peer(host: str = "127.0.0.1") -> Iterator[socket.socket]:
    """The UDP socket of a client."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((host, 0))
        yield one


async def test_a_known_address_is_heard_whatever_it_sends_and_a_stranger_by_its_checks_alone(door: Door) -> None:
    """Host and port both count; the longest check still gets in."""
    with peer() as known, peer("127.0.0.2") as stranger, peer() as neighbour:
        assert door.udp.filter(program([known.getsockname()], 1.0))
        everything = [data for data in [CHECK, *STRANGE] if data]
        assert await door.takes(known, *everything) == [data[:2048] for data in everything]
        for other in (stranger, neighbour):
            assert await door.takes(other, CHECK, LARGE_CHECK, *STRANGE) == [CHECK, LARGE_CHECK]
        assert door.udp.dropped() >= 2 * len(STRANGE)
        assert door.udp.filter(program([known.getsockname()], 0.0))
        assert await door.takes(stranger, CHECK) == []
        assert await door.takes(known, RTP) == [RTP]
        assert door.udp.filter(None)
        assert await door.takes(stranger, RTP) == [RTP]


async def test_addresses_of_ipv6_are_told_apart_too(door: Door) -> None:
    """On the dual-stack socket; one of IPv4 is known by its mapped form there."""
    if ":" not in door.udp.address[0]:
        pytest.skip("a socket of IPv4")
    with peer("::1") as known, peer("::1") as stranger, peer() as mapped, peer() as other:
        program_of = program([known.getsockname()[:2], ("::ffff:127.0.0.1", mapped.getsockname()[1])], 1.0)
        assert door.udp.filter(program_of)
        assert await door.takes(known, RTP) == [RTP]
        assert await door.takes(mapped, RTP) == [RTP]
        assert await door.takes(stranger, RTP, CHECK) == [CHECK]
        assert await door.takes(other, RTP, CHECK) == [CHECK]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 17, 256, MOST_KNOWN])
async def test_each_of_many_addresses_is_found(door: Door, count: int) -> None:
    """The tree has no holes, and fits the kernel's limits at the most addresses that it is made for."""
    with contextlib.ExitStack() as stack:
        ours = [stack.enter_context(peer()) for _ in range(min(count, 8))]
        known = [one.getsockname() for one in ours] + [(f"10.{n >> 8}.{n & 255}.1", n) for n in range(8, count)]
        made = program(known, 0.0)
        assert len(made) <= 8 * 4096
        assert door.udp.filter(made)
        for one in ours:
            assert await door.takes(one, RTP) == [RTP]
        assert await door.takes(stack.enter_context(peer("127.0.0.3")), RTP, CHECK) == []


async def test_a_share_of_the_checks_gets_in(door: Door) -> None:
    """By chance, so that a newcomer gets through by repetition."""
    with peer("127.0.0.2") as stranger:
        assert door.udp.filter(program([], 0.25))
        taken = sum([len(await door.takes(stranger, *[CHECK] * 100)) for _ in range(20)])
    assert 350 <= taken <= 650


def test_keys_depend_on_host_and_port() -> None:
    """And a mapped address is its IPv4 address."""
    addresses = [(f"10.0.{a}.{b}", port) for a in range(8) for b in range(8) for port in range(1000, 1100)]
    assert len({key(address) for address in addresses}) == len(addresses)
    assert key(("::ffff:10.0.0.1", 5)) == key(("10.0.0.1", 5))
    assert key(("fe80::1%eth0", 5)) == key(("fe80::1", 5))


def test_it_is_on_while_there_is_a_flood_and_for_some_seconds_after_it() -> None:
    """A tick of 20 ms is enough to see it; the share follows what comes in."""
    shield, now, read, shed = FloodFilter(), 0.0, 0, 0
    assert not shield.judge(0, 0, 1.0, now)
    for rate, waited in ((FLOOD, 1.0), (TORRENT, 0.0)):
        for _ in range(50):  # under the threshold
            now += 0.02
            read += int(rate * 0.02) - 1
            assert not shield.judge(read, shed, waited, now)
    now += 0.02
    read += 800  # 40,000 a second
    assert shield.judge(read, shed, BEHIND * 1.1, now)
    assert shield.share == pytest.approx(BUDGET / 40_000, rel=0.01)
    for _ in range(100):
        now += 0.02
        share = shield.share or 1.0
        read, shed = read + int(1600 * share), shed + int(1600 * (1 - share))  # 80,000 checks a second from now on
        shield.judge(read, shed, 0.0, now)
    assert 80_000 * (shield.share or 1.0) == pytest.approx(BUDGET, rel=0.5)
    for _ in range(int((CALM - 0.1) / 0.02)):
        now += 0.02
        shield.judge(read, shed, 0.0, now)
        assert shield.share is not None
    for _ in range(10):
        now += 0.02
        shield.judge(read, shed, 0.0, now)
    assert shield.share is None
