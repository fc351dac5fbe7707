"""The one UDP socket: drained in bursts, written with segmentation offload, never blocking, never losing silently.

What the kernel does not take at once waits in a queue bounded in bytes; what finds no room there is counted. It knows
addresses and datagrams only.
"""

import asyncio
import contextlib
import ctypes
import errno
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from sfu.native.fanout import Fanout
from sfu.stats import PlaneStats
from sfu.transport.closed_port import HELD, ClosedPort
from sfu.transport.port_unreachable import PortUnreachable

UDP_SEGMENT: Final = 103
"""linux/udp.h; the socket module does not name it before Python 3.12."""
MAX_SEGMENTS: Final = 48
"""Kernels before 6.9 take 64, and a message must stay under 64 KiB."""
MAX_MESSAGE: Final = 64_000
"""Bytes of one message at most."""

DRAIN: Final = 32
"""Datagrams taken before they are forwarded: a keyframe goes out to all viewers in such pieces, one after the other, so
that neither a viewer's socket buffer nor the others' latency has to take it whole."""
MAX_QUEUE: Final = 16_000_000
"""Bytes that wait for the socket at most."""
BUFFER: Final = 4 << 20
"""Bytes of the kernel's buffers that are asked for, each way; it doubles them."""

_TIMESTAMP: Final = 35
"""SO_TIMESTAMPNS and SO_RXQ_OVFL, asm-generic/socket.h: x86-64, arm64 and all others but MIPS, PA-RISC and SPARC."""
_OVERFLOW: Final = 40
_ATTACH_FILTER, _DETACH_FILTER, _MEMINFO = 26, 27, 55
"""SO_ATTACH_FILTER, SO_DETACH_FILTER and SO_MEMINFO, likewise."""
_DROPS: Final = 8
"""SK_MEMINFO_DROPS, linux/sock_diag.h."""
_TIMESPEC: Final = struct.Struct("=qq")
_ANCILLARY: Final = socket.CMSG_SPACE(16) + socket.CMSG_SPACE(4)

Address = tuple[str, int]
Control = Sequence[tuple[int, int, bytes]]
Buffers = Sequence[bytes]

_REFUSES_SEGMENTS: Final = frozenset({errno.EINVAL, errno.EIO, errno.EMSGSIZE, errno.EOPNOTSUPP})


def segments(size: int) -> Control:
    """The control message that makes one message several datagrams of *size* bytes, the last one maybe shorter."""
    return [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("=H", size))]


_WHOLE: Final = segments(0)


class UdpSocket:
    """The UDP socket of the node, bound to *bind*; it is read from `start()` to `close()`.

    *on_datagram* takes each datagram with its sender, *on_drained* is called after up to DRAIN of them. *wall* is the time of day in
    seconds, for the wait in the kernel's queue. *fanout* is the compiled sender, where there is one. Raises OSError where the
    address cannot be bound.
    """

    def __init__(
        self,
        bind: Address,
        stats: PlaneStats,
        *,
        on_datagram: Callable[[bytes, Address], None],
        on_drained: Callable[[], None],
        wall: Callable[[], float],
        fanout: Fanout | None = None,
    ) -> None:
        self.fanout = fanout
        """The compiled sender of bursts, None where there is none."""
        self._stats = stats
        self._on_datagram = on_datagram
        self._on_drained = on_drained
        family = socket.AF_INET6 if ":" in bind[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)  # noqa: FBT003 - the socket's own signature
            if family == socket.AF_INET6:
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                self._socket.setsockopt(socket.SOL_SOCKET, option, BUFFER)
            for option in (_TIMESTAMP, _OVERFLOW):
                with contextlib.suppress(OSError):  # not Linux: nothing is known of the wait
                    self._socket.setsockopt(socket.SOL_SOCKET, option, 1)
            self._socket.bind(bind)
        except OSError:
            self._socket.close()
            raise
        self.gso = self._knows_segments()
        self.fd = self._socket.fileno()
        self.sendto = self._socket.sendto
        """The bare system call, for the hot path; what it raises goes to `recover()`."""
        self.queue: deque[tuple[Buffers, Control, Address]] = deque()
        self._queued = 0
        self._wall = wall
        self.waited = 0.0
        """Seconds that the datagram in hand lay in the kernel's queue."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unreachable = PortUnreachable.open()
        self._closed_port = ClosedPort(self._socket, self._stray)
        self._filtered = False
        self._dropped = 0
        """Datagrams that the kernel has dropped, as it told last."""

    @property
    def address(self) -> Address:
        """The address and port that it is bound to."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read from now on, in callbacks of *loop*."""
        self._loop = loop
        loop.add_reader(self._socket.fileno(), self._readable)

    def close(self) -> None:
        """Stop reading and close it; what is queued is dropped."""
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop.remove_writer(self._socket.fileno())
            self._loop = None
        self.queue.clear()
        self.fd = -1
        self._closed_port.close()
        self._socket.close()
        self._unreachable.close()

    def filter(self, program: bytes | None) -> bool:
        """Let the kernel run *program* (sfu/transport/flood_filter.py) on what comes in, or none; False where it does not take it."""
        self.count_shed()
        try:
            if program is None:
                self._socket.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, 0)
            else:
                held = ctypes.create_string_buffer(program, len(program))
                request = struct.pack("@HP", len(program) // 8, ctypes.addressof(held))
                self._socket.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, request)
        except OSError:  # not Linux, or more than net.core.optmem_max
            return False
        self._filtered = program is not None
        return True

    def count_shed(self) -> int:
        """How many datagrams a filter has kept away so far: what the kernel drops while one is attached."""
        dropped = self.dropped()
        if self._filtered:
            self._stats.dropped_shed += dropped - self._dropped
        self._dropped = dropped
        return self._stats.dropped_shed

    def dropped(self) -> int:
        """Datagrams that the kernel has dropped so far, for a full queue or by the filter; 0 where it does not tell."""
        with contextlib.suppress(OSError):
            told = self._socket.getsockopt(socket.SOL_SOCKET, _MEMINFO, 4 * (_DROPS + 1))
            if len(told) == 4 * (_DROPS + 1):
                return int.from_bytes(told[4 * _DROPS :], sys.byteorder)
        return 0

    def refuse(self, address: Address) -> bool:
        """Tell *address* by ICMP that nobody is here for it, or have the kernel tell it; False where neither is possible."""
        if self._unreachable.tell(address, self.address[1]):
            return True
        if self._loop is None or not self._closed_port.begin(address):
            return False
        self._loop.call_later(HELD, self._closed_port.end, address)
        return True

    def _stray(self, datagram: bytes, address: Address) -> None:
        """Hand on a datagram that came to another socket of our port; later, as sessions are being ended now."""
        if self._loop is not None:
            self._loop.call_soon(self._on_datagram, datagram, address)

    def send(self, datagram: bytes, address: Address) -> bool:
        """Send one datagram (STUN, DTLS, RTCP, a retransmission); whether it was taken, at once or into the queue."""
        if self.queue:
            return self.enqueue([datagram], (), address)
        try:
            self.sendto(datagram, address)
        except OSError as error:
            return self.recover(error, [datagram], 1, (), address) > 0
        return True

    @contextlib.contextmanager
    def segmented(self, size: int) -> Iterator[None]:
        """While the block lasts, `sendto` cuts what it is given into datagrams of *size* bytes; 0: it does not."""
        if not size:
            yield
            return
        self._socket.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size)
        try:
            yield
        finally:
            self._socket.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 0)

    def recover(self, error: OSError, buffers: Buffers, each: int, control: Control, address: Address) -> int:
        """After a failed send of *buffers*, *each* of which make a datagram: the bytes that were taken after all."""
        if isinstance(error, BlockingIOError) or error.errno == errno.ENOBUFS:
            return sum(map(len, buffers)) if self.enqueue(list(buffers), control, address) else 0
        if control and error.errno in _REFUSES_SEGMENTS:
            self._stats.segmentation_refused += 1
            taken = 0
            for at in range(0, len(buffers), each):
                one = buffers[at : at + each]
                try:
                    # The socket may be set to cut; what is larger than the route's packets would be refused for that alone.
                    taken += self._socket.sendmsg(one, _WHOLE, 0, address)
                except OSError as again:
                    taken += self.recover(again, one, each, (), address)
            return taken
        self._stats.send_failed += len(buffers) // each
        return 0

    def enqueue(self, buffers: Buffers, control: Control, address: Address) -> bool:
        """Keep a message until the socket has room; False where the queue is full."""
        size = sum(map(len, buffers))
        if self._loop is None or self._queued + size > MAX_QUEUE:
            self._stats.send_failed += 1
            return False
        if not self.queue:
            self._loop.add_writer(self._socket.fileno(), self._writable)
        self.queue.append((buffers, control, address))
        self._queued += size
        self._stats.send_queued += 1
        return True

    def _writable(self) -> None:
        while self.queue:
            buffers, control, address = self.queue[0]
            try:
                self._socket.sendmsg(buffers, control, 0, address)
            except BlockingIOError:
                return
            except OSError:
                self._stats.send_failed += 1
            self.queue.popleft()
            self._queued -= sum(map(len, buffers))
        if self._loop is not None:
            self._loop.remove_writer(self._socket.fileno())

    def _readable(self) -> None:
        receive = self._socket.recvmsg
        handle = self._on_datagram
        wall = self._wall
        try:
            for _ in range(DRAIN):
                datagram, ancillary, _flags, address = receive(2048, _ANCILLARY)
                for _level, kind, value in ancillary:
                    if kind == _TIMESTAMP:
                        seconds, nanoseconds = _TIMESPEC.unpack(value)
                        self.waited = wall() - seconds - nanoseconds * 1e-9
                    elif kind == _OVERFLOW and not self._filtered:
                        dropped = int.from_bytes(value, sys.byteorder) - self._stats.dropped_shed
                        self._stats.dropped_kernel = max(self._stats.dropped_kernel, dropped)
                if datagram:
                    handle(datagram, address)
        except BlockingIOError:
            pass
        except OSError:  # an ICMP error of an earlier send: says nothing about the next datagram
            self._stats.dropped_garbage += 1
        self._on_drained()

    def _knows_segments(self) -> bool:
        try:
            self._socket.getsockopt(socket.IPPROTO_UDP, UDP_SEGMENT)
        except OSError:
            return False
        return True
