import asyncio
import errno
import socket
import time
from collections.abc import AsyncIterator

import pytest

from sfu.stats import PlaneStats
from sfu.transport.udp import DRAIN, MAX_QUEUE, UdpSocket, segments


class Ends:
    """A plane's socket with a peer."""

    def __init__(self) -> None:
        self.stats = PlaneStats()
        self.received: list[bytes] = []
        self.drained = asyncio.Event()
        self.udp = UdpSocket(
            ("127.0.0.1", 0),
            self.stats,
            on_datagram=lambda data, _: self.received.append(data),
            on_drained=self.drained.set,
            wall=time.time,
        )
        self.peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.peer.bind(("127.0.0.1", 0))
        self.peer.settimeout(1)
        self.address = self.peer.getsockname()


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    """Both ends of the socket, started."""
    ends = Ends()
    ends.udp.start(asyncio.get_running_loop())
    yield ends
    ends.udp.close()
    ends.peer.close()


async def test_a_burst_of_datagrams_is_one_drain(ends: Ends) -> None:
    """What came in is handled before it is forwarded once."""
    for n in range(20):
        ends.peer.sendto(bytes((n,)), ends.udp.address)
    await asyncio.wait_for(ends.drained.wait(), 1)
    assert ends.received == [bytes((n,)) for n in range(20)]


async def test_what_the_kernel_does_not_take_at_once_is_sent_later_and_in_order(ends: Ends) -> None:
    """Also what comes after it waits in the queue."""
    first = ends.udp.recover(BlockingIOError(), [b"one", b"two"], 1, segments(3), ends.address)
    assert first == 6
    assert ends.udp.send(b"three", ends.address)
    assert ends.stats.send_queued == 2
    loop = asyncio.get_running_loop()
    arrived = [await loop.run_in_executor(None, ends.peer.recv, 100) for _ in range(3)]
    assert arrived == [b"one", b"two", b"three"]
    assert not ends.udp.queue
    assert ends.stats.send_failed == 0


async def test_a_full_queue_refuses_and_counts(ends: Ends) -> None:
    """Bounded in bytes: a dead network interface costs no memory."""
    big = [bytes(1_000_000)] * 16
    assert ends.udp.enqueue(big, (), ends.address)
    assert not ends.udp.enqueue([bytes(MAX_QUEUE)], (), ends.address)
    assert ends.stats.send_failed == 1


async def test_a_message_that_may_not_be_segmented_goes_packet_by_packet(ends: Ends) -> None:
    """A route with a small MTU refuses UDP_SEGMENT for one destination."""
    vector = [b"head1", b"body1", b"head2", b"body2"]
    taken = ends.udp.recover(OSError(errno.EMSGSIZE, ""), vector, 2, segments(10), ends.address)
    assert taken == 20
    assert ends.stats.segmentation_refused == 1
    loop = asyncio.get_running_loop()
    assert [await loop.run_in_executor(None, ends.peer.recv, 100) for _ in range(2)] == [b"head1body1", b"head2body2"]


async def test_an_unreachable_peer_is_counted_and_harms_nobody(ends: Ends) -> None:
    """Nothing is raised, nothing is queued."""
    assert ends.udp.recover(OSError(errno.ENETUNREACH, ""), [b"x"], 1, (), ends.address) == 0
    assert ends.stats.send_failed == 1
    assert not ends.udp.queue


async def test_it_knows_how_long_a_datagram_lay_in_the_kernel(ends: Ends) -> None:
    """A node that is starved sees it by this alone: its own clock says nothing of what waits."""
    await _until_stamped(ends)
    ends.peer.sendto(b"waits", ends.udp.address)
    time.sleep(0.05)  # noqa: ASYNC251 - the loop is to be held up
    await asyncio.wait_for(ends.drained.wait(), 1)
    assert 0.05 <= ends.udp.waited < 1


async def _until_stamped(ends: Ends) -> None:
    """The kernel stamps arrivals only while somebody on the machine asks for it, and begins some moments after the first does.

    Until then a datagram gets its time when it is read. Then this one's is not that of its arrival, 2 ms before.
    """
    async with asyncio.timeout(5):
        stamped = 0
        while stamped < 3:  # once may be a reader that was interrupted
            ends.peer.sendto(b"stamped?", ends.udp.address)
            time.sleep(0.002)  # noqa: ASYNC251 - the loop is to be held up
            await ends.drained.wait()
            ends.drained.clear()
            stamped = stamped + 1 if ends.udp.waited >= 0.002 else 0


async def test_what_the_kernel_drops_at_a_full_queue_is_counted(ends: Ends) -> None:
    """It tells with the next datagram that gets in."""
    for _ in range(12_000):
        ends.peer.sendto(bytes(1200), ends.udp.address)
    await asyncio.wait_for(ends.drained.wait(), 1)
    while len(ends.received) % DRAIN == 0:
        ends.drained.clear()
        await asyncio.wait_for(ends.drained.wait(), 1)
    ends.drained.clear()
    ends.peer.sendto(b"next", ends.udp.address)
    await asyncio.wait_for(ends.drained.wait(), 1)
    assert ends.stats.dropped_kernel == 12_001 - len(ends.received) > 0


async def test_a_burst_is_cut_while_the_socket_is_set_to_and_whole_where_that_was_refused(ends: Ends) -> None:
    """`sendto` of one buffer is many datagrams; after a refusal each datagram leaves by itself, whatever its length."""
    with ends.udp.segmented(10):
        ends.udp.sendto(bytes(25), ends.address)
        assert [len(ends.peer.recv(100)) for _ in range(3)] == [10, 10, 5]
        parts = [b"a" * 30, b"b" * 30]
        assert ends.udp.recover(OSError(errno.EMSGSIZE, ""), parts, 1, segments(30), ends.address) == 60
        assert [ends.peer.recv(100) for _ in range(2)] == parts
    ends.udp.sendto(bytes(25), ends.address)
    assert len(ends.peer.recv(100)) == 25
