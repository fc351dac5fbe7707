"""One epoll set for all sockets of a process, either woken by them or polled at a fixed pace.

Waking for each datagram costs the load generator more than the datagram's decryption, and costs the server that sends it
a wake-up that no network card would. Polled every millisecond or so, a burst is one call. Latency does not suffer from
it: arrivals are stamped by the kernel.
"""

import asyncio
import select
from collections.abc import Callable


class Poller:
    """Calls the callback of each readable socket; *pace* seconds apart, or at once when it is 0."""

    def __init__(self, pace: float = 0.0) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._pace = pace
        self._timer: asyncio.TimerHandle | None = None
        self._next = self._loop.time()
        if pace:
            self._poll()
        else:
            self._loop.add_reader(self._epoll.fileno(), self._drain)

    def add(self, fd: int, callback: Callable[[], None]) -> None:
        """Call *callback* whenever *fd* can be read."""
        self._callbacks[fd] = callback
        self._epoll.register(fd, select.EPOLLIN)

    def remove(self, fd: int) -> None:
        """Watch *fd* no longer; to be called before it is closed."""
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def close(self) -> None:
        """End it; the sockets are their owners'."""
        if self._timer is not None:
            self._timer.cancel()
        else:
            self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _poll(self) -> None:
        self._drain()
        # A fixed grid, unless we are behind: then no time is owed.
        self._next = max(self._next + self._pace, self._loop.time())
        self._timer = self._loop.call_at(self._next, self._poll)

    def _drain(self) -> None:
        for fd, _ in self._epoll.poll(0, 1024):
            callback = self._callbacks.get(fd)
            if callback is not None:
                callback()
