"""The ICMP message, as the kernel of whoever is refused takes it."""

import errno
import socket

import pytest

from sfu.transport.port_unreachable import PortUnreachable, port_unreachable


def test_it_is_the_message_that_a_closed_port_answers_with() -> None:
    """Type 3, code 3, over the head of the datagram that is refused; both checksums come out as zero."""
    message = port_unreachable(("192.0.2.1", 4711), ("198.51.100.2", 8189))
    assert message[:2] == b"\3\3"
    assert _sum(message) == _sum(message[8:28]) == 0xFFFF
    assert message[20:24] == socket.inet_aton("192.0.2.1")
    assert message[24:28] == socket.inet_aton("198.51.100.2")
    assert message[28:32] == (4711).to_bytes(2, "big") + (8189).to_bytes(2, "big")


def test_over_ipv6_it_is_icmpv6() -> None:
    """Type 1, code 4, over an IPv6 header of 40 bytes; the kernel sums it up."""
    message = port_unreachable(("2001:db8::1", 4711), ("2001:db8::2", 8189))
    assert message[:4] == b"\1\4\0\0"
    assert len(message) == 8 + 40 + 8
    assert message[16:32] == socket.inet_pton(socket.AF_INET6, "2001:db8::1")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_connected_socket_hears_it_and_an_open_port_stays_open(host: str) -> None:
    """ECONNREFUSED at the next call, though somebody listens there; without the right nothing is sent or raised."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as ours, socket.socket(family, socket.SOCK_DGRAM) as theirs:
        ours.bind((host, 0))
        theirs.settimeout(2)
        theirs.connect(ours.getsockname())
        unreachable = PortUnreachable.open()
        told = unreachable.tell(theirs.getsockname()[:2], ours.getsockname()[1])
        unreachable.close()
        if told:
            with pytest.raises(ConnectionRefusedError) as refused:
                theirs.recv(100)
            assert refused.value.errno == errno.ECONNREFUSED
        theirs.send(b"still open")
        assert ours.recv(100) == b"still open"


def _sum(data: bytes) -> int:
    total = sum(data[at] << 8 | data[at + 1] for at in range(0, len(data), 2))
    return (total & 0xFFFF) + (total >> 16)
