"""Which ports a stack uses, whether they are free, and who has the one that is not.

The usual ports are the documented ones (API 8080, nodes 8889 and 8890); a stack on another PORT takes the eight ports
from there on, so that two stacks never meet. The owner of a port is looked up in /proc (on other systems: unknown).
"""

import errno
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

USUAL = 8080


@dataclass(frozen=True, slots=True)
class NodePorts:
    """The three ports of one SFU node: HTTP and metrics by TCP, media by UDP."""

    http: int
    udp: int
    metrics: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Every port that one stack takes."""

    api: int
    emulator: int
    nodes: tuple[NodePorts, ...]

    def all(self) -> Iterator[tuple[str, int, socket.SocketKind]]:
        """Each port: what it is for, its number, and whether it is TCP or UDP."""
        yield "the API and the page", self.api, socket.SOCK_STREAM
        yield "the AWS emulator", self.emulator, socket.SOCK_STREAM
        for number, node in enumerate(self.nodes, 1):
            yield f"node{number}'s HTTP", node.http, socket.SOCK_STREAM
            yield f"node{number}'s media", node.udp, socket.SOCK_DGRAM
            yield f"node{number}'s metrics", node.metrics, socket.SOCK_STREAM

    @property
    def private(self) -> frozenset[int]:
        """The ports that the stack itself uses and nobody else: on loopback, whatever address the stack announces."""
        return frozenset({self.emulator, *(node.metrics for node in self.nodes)})


def plan(port: int) -> Plan:
    """The ports of the stack whose API is on *port*."""
    if port == USUAL:
        return Plan(port, 8566, (NodePorts(8889, 8189, 9889), NodePorts(8890, 8190, 9890)))
    return Plan(port, port + 1, (NodePorts(port + 2, port + 4, port + 6), NodePorts(port + 3, port + 5, port + 7)))


def is_free(address: str, port: int, kind: socket.SocketKind) -> bool:
    """Whether *port* can be bound at *address* now. Raises `OSError` where the address is not this machine's."""
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def owner(address: str, port: int, kind: socket.SocketKind) -> str | None:
    """Who has *port* at *address*: "python3 (pid 123: python3 -m http.server)"; None where that cannot be seen."""
    inodes = set(_inodes(address, port, "tcp" if kind == socket.SOCK_STREAM else "udp"))
    for process in Path("/proc").glob("[0-9]*") if inodes else ():
        with suppress(OSError):  # it ended while we looked, or it belongs to somebody else
            if any(_target(entry) in inodes for entry in (process / "fd").iterdir()):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                name = (process / "comm").read_text().strip()
                return f"{name} (pid {process.name}: {command[:80]})"
    return None


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:  # it was closed while we looked
        return ""


def _inodes(address: str, port: int, protocol: str) -> Iterator[str]:
    listening = {"tcp": "0A", "udp": "07"}[protocol]
    wanted = f"{int.from_bytes(socket.inet_aton(address), sys.byteorder):08X}"  # as the kernel prints it
    for table in (Path(f"/proc/net/{protocol}"), Path(f"/proc/net/{protocol}6")):
        try:
            lines = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            bound, _, number = columns[1].rpartition(":")
            # Bound to every address is bound to this one, and IPv6 has it with a prefix.
            here = not bound.strip("0") or bound.endswith(wanted)
            if here and int(number, 16) == port and columns[3] == listening:
                yield f"socket:[{columns[9]}]"


def lan_address() -> str:
    """The address by which other machines reach this one; loopback where there is no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1: only the routing table is asked, nothing is sent
        except OSError:
            return "127.0.0.1"
        address: str = probe.getsockname()[0]
        return address


def is_address(text: str) -> bool:
    """Whether *text* is an IPv4 address."""
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True
