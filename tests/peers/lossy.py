"""A bad network between one peer and its server: a UDP relay that loses, delays and thereby reorders, both ways.

The chances come from a seeded generator, so that a run can be repeated. netem does the same in the kernel, but needs
root, its own namespace, and a machine that has it.
"""

import asyncio
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Network:
    """How bad it is, in each direction."""

    loss: float = 0.05
    delay: float = 0.05
    jitter: float = 0.01
    """Each datagram's delay is evenly spread this much to either side, so bursts arrive out of order."""


class Lossy:
    """One relay, for one peer; `open` it towards the server, `close` it when the peer is gone."""

    def __init__(self, network: Network, seed: int = 0) -> None:
        self.network = network
        self.carried = 0
        self.lost = 0
        self._random = Random(seed)  # noqa: S311 - chance that can be repeated is wanted
        self._near: asyncio.DatagramTransport | None = None
        self._far: asyncio.DatagramTransport | None = None
        self._peer: Address | None = None

    async def open(self, server: Address) -> Address:
        """Relay to *server*; the address that the peer is to send to instead."""
        loop = asyncio.get_running_loop()
        self._far, _ = await loop.create_datagram_endpoint(lambda: _End(self._from_server), remote_addr=server)
        self._near, _ = await loop.create_datagram_endpoint(lambda: _End(self._from_peer), local_addr=("127.0.0.1", 0))
        address: Address = self._near.get_extra_info("sockname")[:2]
        return address

    def close(self) -> None:
        """Carry no more datagrams, and free the port."""
        for end in (self._near, self._far):
            if end is not None:
                end.close()
        self._near = self._far = None

    def _from_peer(self, data: bytes, source: Address) -> None:
        self._peer = source
        self._carry(lambda: self._to_server(data))

    def _from_server(self, data: bytes, _source: Address) -> None:
        self._carry(lambda: self._to_peer(data))

    def _to_server(self, data: bytes) -> None:
        if self._far is not None:
            self._far.sendto(data)

    def _to_peer(self, data: bytes) -> None:
        if self._near is not None and self._peer is not None:
            self._near.sendto(data, self._peer)

    def _carry(self, send: "Callable[[], None]") -> None:
        if self._random.random() < self.network.loss:
            self.lost += 1
            return
        self.carried += 1
        network = self.network
        delay = network.delay + self._random.uniform(-network.jitter, network.jitter)
        asyncio.get_running_loop().call_later(max(0.0, delay), send)


class _End(asyncio.DatagramProtocol):
    def __init__(self, receive: Any) -> None:
        self._receive = receive

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._receive(data, addr[:2])

    def error_received(self, exc: Exception) -> None:
        """An ICMP error: the other side is gone, which its owner notices by itself."""
