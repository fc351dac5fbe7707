"""Draining a UDP socket by recvmmsg: one call gives a burst, with the kernel's time of arrival for each datagram.

The buffers are shared by all sockets of a process, so what one `receive` gave is valid until the next one.
"""

import ctypes
import errno
import socket

SLOTS = 64
SLOT = 2048
CONTROL = 32  # CMSG_SPACE of one timespec; it is always filled, so that its length need not be set anew for each call
SO_TIMESTAMPNS = 35


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("iov", ctypes.c_void_p),
        ("iov_length", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("padding", ctypes.c_int),  # struct msghdr ends at a multiple of eight, before msg_len
        ("received", ctypes.c_uint32),
    )


_recvmmsg = ctypes.CDLL(None, use_errno=True).recvmmsg
_recvmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)


class Batch:
    """The buffers into which this process receives datagrams."""

    def __init__(self) -> None:
        self._data = ctypes.create_string_buffer(SLOTS * SLOT)
        self._control = ctypes.create_string_buffer(SLOTS * CONTROL)
        self._iovecs = (_Iovec * SLOTS)()
        self._messages = (_Message * SLOTS)()
        for n in range(SLOTS):
            self._iovecs[n].base = ctypes.addressof(self._data) + n * SLOT
            self._iovecs[n].length = SLOT
            message = self._messages[n]
            message.iov = ctypes.addressof(self._iovecs[n])
            message.iov_length = 1
            message.control = ctypes.addressof(self._control) + n * CONTROL
            message.control_length = CONTROL
        self._pointer = ctypes.addressof(self._messages)
        self.arena = memoryview(self._data).cast("B")
        self.views = [self.arena[n * SLOT : (n + 1) * SLOT] for n in range(SLOTS)]
        self._words = memoryview(self._messages).cast("B").cast("I")
        self._stride = ctypes.sizeof(_Message) // 4
        self._received = _Message.received.offset // 4
        self._times = memoryview(self._control).cast("B").cast("q")

    def receive(self, fd: int) -> int:
        """Fill the slots from the socket without waiting; how many datagrams there are."""
        n: int = _recvmmsg(fd, self._pointer, SLOTS, socket.MSG_DONTWAIT, None)
        if n >= 0:
            return n
        # ECONNREFUSED reports an ICMP error for a datagram that we sent: the next call gives data again.
        if ctypes.get_errno() in (errno.EAGAIN, errno.ECONNREFUSED, errno.EINTR):
            return 0
        raise OSError(ctypes.get_errno(), "recvmmsg")

    def lengths(self, n: int) -> list[int]:
        """The sizes of the first *n* datagrams."""
        return self._words[self._received : self._stride * n : self._stride].tolist()

    def arrivals(self, n: int) -> list[float]:
        """When the kernel took each of the first *n* datagrams, in seconds since the epoch."""
        times = self._times
        return [times[at + 2] + times[at + 3] * 1e-9 for at in range(0, 4 * n, 4)]


def open_socket(address: str = "127.0.0.1", receive_buffer: int = 4 << 20) -> socket.socket:
    """A non-blocking UDP socket that stamps what arrives."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
    # A stall of the load generator must not look like a loss of the server.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.bind((address, 0))
    return sock
