"""A port that is closed to one peer and open to all others, by a kernel without ESP."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from sfu.transport.closed_port import MOST, ClosedPort
from sfu.transport.udp import Address
from tests.sfu.esp import handles_esp


class Door:
    """A listening socket, and peers that are connected to it."""

    def __init__(self, host: str, stack: ExitStack) -> None:
        self.family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._stack = stack
        self.listening = self._socket()
        if self.family == socket.AF_INET6:
            self.listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.listening.bind((host, 0))
        self.listening.settimeout(2)
        self.strays: list[tuple[bytes, Address]] = []
        self.closed = ClosedPort(self.listening, lambda datagram, sender: self.strays.append((datagram, sender)))
        stack.callback(self.closed.close)

    def peer(self, to: str) -> socket.socket:
        """Somebody who sends to *to*."""
        family = socket.AF_INET6 if ":" in to else socket.AF_INET
        one = self._stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
        one.connect((to, self.listening.getsockname()[1]))
        one.settimeout(2)
        return one

    def of(self, peer: socket.socket) -> Address:
        """The address under which *peer* is known here."""
        peer.send(b"who am I")
        address: Address = self.listening.recvfrom(100)[1]
        return address

    def _socket(self) -> socket.socket:
        return self._stack.enter_context(socket.socket(self.family, socket.SOCK_DGRAM))


@pytest.fixture(params=[("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("::", "127.0.0.1")])  # noqa: S104
def at(request: pytest.FixtureRequest) -> Iterator[tuple[Door, str]]:
    """Each way to listen, and whom a peer sends to."""
    host, to = request.param
    if handles_esp(to):
        pytest.skip("this kernel has ESP: the peer learns nothing, as docs/media-plane.md says")
    with ExitStack() as stack:
        yield Door(host, stack), to


def test_one_peer_is_refused_and_the_others_are_heard(at: tuple[Door, str]) -> None:
    """Whatever it sends; and afterwards it is heard again."""
    door, to = at
    ended, other = door.peer(to), door.peer(to)
    address = door.of(ended)
    assert door.closed.begin(address)
    assert door.closed.begin(address)
    assert len(door.closed) == 1
    for datagram in (b"\x80\x60" + bytes(98), b"\0\1\0\x50\x21\x12\xa4\x42" + bytes(80), b"\x16\xfe\xfd" + bytes(60)):
        ended.send(datagram)
        with pytest.raises(ConnectionRefusedError):
            ended.recv(100)
    other.send(b"still open")
    assert door.listening.recv(100) == b"still open"
    other.settimeout(0.05)
    with pytest.raises(TimeoutError):
        other.recv(100)
    door.closed.end(address)
    ended.send(b"open again")
    assert door.listening.recv(100) == b"open again"
    assert door.strays == []


def test_nobody_else_can_listen_on_our_port(at: tuple[Door, str]) -> None:
    """The port is shared for the moment in which one of these sockets is made, and never before or after it."""
    door, to = at
    door.closed.begin(door.of(door.peer(to)))
    with socket.socket(door.family, socket.SOCK_DGRAM) as second:
        second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with pytest.raises(OSError, match="in use"):
            second.bind(door.listening.getsockname())


def test_there_are_so_many_and_no_more(at: tuple[Door, str]) -> None:
    """The oldest is given up for the next one."""
    door, to = at
    addresses = [door.of(door.peer(to)) for _ in range(MOST + 3)]
    assert all(map(door.closed.begin, addresses))
    assert len(door.closed) == MOST
    door.closed.close()
    assert len(door.closed) == 0


def test_what_cannot_be_connected_to_is_a_false(at: tuple[Door, str]) -> None:
    """An address that leads nowhere leaves nothing behind."""
    door, _ = at
    nowhere = ("2001:db8::1%nothing", 9) if door.family == socket.AF_INET6 else ("255.255.255.255", 9)
    assert not door.closed.begin(nowhere)
    assert len(door.closed) == 0
