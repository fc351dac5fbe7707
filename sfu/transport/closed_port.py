"""Has the kernel tell one peer that our UDP port is closed, where this process may not send the ICMP message itself.

`sfu.transport.port_unreachable` sends it where that is allowed. Here, a socket on our port that is connected to the peer takes
what comes from there, and nothing else. It takes all of it for IPsec (ESP in UDP, RFC 3948), and a kernel in which nobody handles
ESP answers that as it answers for a port that is closed. ESP is a module that only IPsec loads; a kernel that has it drops the
datagrams, and the peer finds out by ICE consent.
"""

import contextlib
import socket
from collections.abc import Callable
from typing import Final

Address = tuple[str, int]

HELD: Final = 5.0
"""Seconds in which a peer is refused: kernels send six of these messages at once and then one a second."""
MOST: Final = 16
"""Peers that are refused at once; each takes a descriptor."""
_UDP_ENCAP: Final = 100
_ESP_IN_UDP: Final = 2
"""linux/udp.h; both families."""


class ClosedPort:
    """Closes the port of *listening* to single peers; *stray* takes a datagram that came to such a socket from another peer."""

    def __init__(self, listening: socket.socket, stray: Callable[[bytes, Address], None]) -> None:
        self._listening = listening
        self._stray = stray
        self._sockets: dict[Address, socket.socket] = {}
        """The refusing socket of each peer, the oldest first."""

    def __len__(self) -> int:
        return len(self._sockets)

    def begin(self, peer: Address) -> bool:
        """Close the port to *peer*, until `end`; False where the system cannot."""
        if peer in self._sockets:
            return True
        if len(self._sockets) >= MOST:
            self.end(next(iter(self._sockets)))
        refusing: socket.socket | None = None
        try:
            refusing = self._connected(peer)
            self._drain(refusing, peer)
            refusing.setsockopt(socket.IPPROTO_UDP, _UDP_ENCAP, _ESP_IN_UDP)
        except OSError:
            if refusing is not None:
                refusing.close()
            return False
        self._sockets[peer] = refusing
        return True

    def end(self, peer: Address) -> None:
        """Open the port to *peer* again, if it was closed."""
        refusing = self._sockets.pop(peer, None)
        if refusing is not None:
            refusing.close()

    def close(self) -> None:
        """Open the port to all peers again."""
        for peer in list(self._sockets):
            self.end(peer)

    def _connected(self, peer: Address) -> socket.socket:
        """A socket of our port that the kernel gives what comes from *peer*. Raises OSError."""
        ours = self._listening
        one = socket.socket(ours.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            if one.family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            # For this moment only, so that a second node is still told that the port is taken.
            sharing = (ours, one, *self._sockets.values())
            for each in sharing:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            try:
                one.bind(ours.getsockname())
                one.connect(peer)
            finally:
                for each in sharing:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)
        except OSError:
            one.close()
            raise
        return one

    def _drain(self, one: socket.socket, peer: Address) -> None:
        """Hand on what *one* was given before it was connected, as that may be from anybody."""
        with contextlib.suppress(BlockingIOError):
            while True:
                datagram, sender = one.recvfrom(2048)
                if datagram and sender != peer:
                    self._stray(datagram, sender)
