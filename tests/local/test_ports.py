import os
import socket

import pytest

from local.ports import is_address, is_free, lan_address, owner, plan


def test_the_usual_stack_has_the_documented_ports() -> None:
    """8080 for the API; 8889 and 8189 for a node, as everywhere else."""
    usual = plan(8080)
    assert (usual.api, usual.nodes[0].http, usual.nodes[0].udp) == (8080, 8889, 8189)


@pytest.mark.parametrize("port", [8088, 18080, 65527])
def test_another_stack_shares_no_port_with_it(port: int) -> None:
    """Eight ports from PORT on, all different."""
    ours = [number for _, number, _ in plan(port).all()]
    assert sorted(ours) == list(range(port, port + 8))
    assert not set(ours) & {number for _, number, _ in plan(8080).all()}


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_taken_port_has_an_owner(kind: socket.SocketKind) -> None:
    """The process that listens on it, here this one."""
    with socket.socket(socket.AF_INET, kind) as mine:
        mine.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            mine.listen()
        port = mine.getsockname()[1]
        assert not is_free("127.0.0.1", port, kind)
        assert f"(pid {os.getpid()}: " in str(owner("127.0.0.1", port, kind))
        assert is_free("127.0.0.2", port, kind)
        assert owner("127.0.0.2", port, kind) is None
    assert is_free("127.0.0.1", port, kind)
    assert owner("127.0.0.1", port, kind) is None


@pytest.mark.parametrize(
    ("family", "address"),
    [(socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"), (socket.AF_INET6, "::ffff:127.0.0.1")],  # noqa: S104  # what other programs bind
)
def test_who_listens_everywhere_or_by_ipv6_is_found_too(family: socket.AddressFamily, address: str) -> None:
    """Most servers listen so; the kernel lists them elsewhere, or with a prefix."""
    with socket.socket(family, socket.SOCK_STREAM) as mine:
        try:
            mine.bind((address, 0))
        except OSError as error:
            pytest.skip(f"this machine has no IPv6: {error}")
        mine.listen()
        port = mine.getsockname()[1]
        assert not is_free("127.0.0.1", port, socket.SOCK_STREAM)
        assert f"(pid {os.getpid()}: " in str(owner("127.0.0.1", port, socket.SOCK_STREAM))


def test_an_address_of_this_machine_is_found() -> None:
    """HOST=lan stands for that address."""
    assert is_address(lan_address())
    assert not is_address("example.com")
