"""Tells one peer by ICMP that nobody is here for it any more: the message that a kernel sends for a closed port.

Our port stays open for everybody else, so no kernel says it for us. It needs a raw socket, which root may open and
the users of most containers may not; without it `sfu.transport.closed_port` has the kernel say it after all.
"""

import contextlib
import socket
import struct
from typing import Final, Self

Address = tuple[str, int]

_IPV4: Final = struct.Struct("!BBHHHBBH4s4s")
_IPV6: Final = struct.Struct("!IHBB16s16s")
_UDP: Final = struct.Struct("!HHHH")
_QUOTED: Final = 8
"""Bytes of a datagram's head that an error quotes at least (RFC 792)."""


def port_unreachable(peer: Address, local: Address) -> bytes:
    """The ICMP (RFC 792) or ICMPv6 (RFC 4443, section 3.1) message that answers a datagram from *peer* to *local*."""
    head = _UDP.pack(peer[1], local[1], _QUOTED, 0)
    if ":" in peer[0]:
        source, target = (socket.inet_pton(socket.AF_INET6, one[0]) for one in (peer, local))
        quoted = _IPV6.pack(6 << 28, len(head), socket.IPPROTO_UDP, 64, source, target) + head
        return struct.pack("!BBHI", 1, 4, 0, 0) + quoted  # the kernel fills in the checksum, by RFC 3542
    source, target = (socket.inet_aton(one[0]) for one in (peer, local))
    before = _IPV4.pack(0x45, 0, 20 + len(head), 0, 0, 64, socket.IPPROTO_UDP, 0, source, target)
    quoted = before[:10] + _checksum(before).to_bytes(2, "big") + before[12:] + head
    message = struct.pack("!BBHI", 3, 3, 0, 0) + quoted
    return message[:2] + _checksum(message).to_bytes(2, "big") + message[4:]


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) of *data*, whose length is even."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class PortUnreachable:
    """Sends port unreachable messages through raw sockets, one for each of IPv4 and IPv6, from `open` to `close`."""

    def __init__(self, sockets: dict[int, socket.socket]) -> None:
        self._sockets = sockets

    @classmethod
    def open(cls) -> Self:
        """Open the raw sockets that this process may open: perhaps none."""
        sockets: dict[int, socket.socket] = {}
        for family, protocol in ((socket.AF_INET, socket.IPPROTO_ICMP), (socket.AF_INET6, socket.IPPROTO_ICMPV6)):
            with contextlib.suppress(OSError):
                sockets[family] = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)
                sockets[family].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)  # nothing is ever read
        return cls(sockets)

    def tell(self, peer: Address, port: int) -> bool:
        """Tell *peer* that our *port* is closed to it; False where that is not possible."""
        host = peer[0].removeprefix("::ffff:")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        raw = self._sockets.get(family)
        if raw is None:
            return False
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((host, peer[1]))  # sends nothing: the kernel chooses the address that we speak from
            local = probe.getsockname()[0]
            return raw.sendto(port_unreachable((host, peer[1]), (local, port)), (host, 0)) > 0
        return False

    def close(self) -> None:
        """Close the raw sockets; nobody can be told after that."""
        for one in self._sockets.values():
            one.close()
        self._sockets.clear()
