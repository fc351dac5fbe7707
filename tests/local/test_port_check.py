"""The check of a stack's ports, and what is said when one goes between the check and its use. Real sockets."""

import errno
import os
import re
import socket
from pathlib import Path

import pytest

from local import port_check
from local.aws.gateway import Gateway
from local.port_check import TakenError
from local.process.log import StackLog
from local.settings import StackSettings
from local.stack import Stack
from sfu.environment import SettingsError
from tests.local import builders
from tests.ports import free_ports

TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
LOOPBACK, OTHER = "127.0.0.1", "127.0.0.2"  # on Linux both are this machine's


def settings(host: str, port: int, state: Path = Path()) -> StackSettings:
    """What `make up HOST=host PORT=port` would run with."""
    return StackSettings.from_env({"HOST": host, "PORT": str(port)}).model_copy(update={"state": state})


def taken(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """A port that this process has, until it is closed."""
    mine = socket.socket(socket.AF_INET, kind)
    mine.bind((address, port))
    if kind == TCP:
        mine.listen()
    return mine


def test_each_port_is_claimed_where_it_will_be_bound() -> None:
    """The API on loopback too, where the nodes call it; the emulator and the metrics there alone; media at HOST."""
    claimed = [(one.address, one.port - 20_000, one.kind) for one in port_check.needed(settings(OTHER, 20_000))]
    nodes = [(OTHER, 2, TCP), (OTHER, 4, UDP), (LOOPBACK, 6, TCP), (OTHER, 3, TCP), (OTHER, 5, UDP), (LOOPBACK, 7, TCP)]
    assert claimed == [(LOOPBACK, 0, TCP), (OTHER, 0, TCP), (LOOPBACK, 1, TCP), *nodes]


@pytest.mark.parametrize(
    ("address", "offset", "kind"),
    [(LOOPBACK, 0, TCP), (OTHER, 0, TCP), (LOOPBACK, 1, TCP), (OTHER, 3, TCP), (OTHER, 4, UDP), (LOOPBACK, 7, TCP)],
)
def test_a_port_that_is_taken_where_it_is_needed_is_named(address: str, offset: int, kind: socket.SocketKind) -> None:
    """With its owner, with the address unless it is the stack's, and with another PORT for the same HOST."""
    wanted = settings(OTHER, free_ports())
    with taken(address, wanted.port + offset, kind), pytest.raises(TakenError) as told:
        port_check.check(wanted)
    where = " on 127.0.0.1" if address == LOOPBACK else ""
    assert re.fullmatch(
        rf"(P|UDP p)ort {wanted.port + offset} \(for [^)]+\) is taken{where} by .+ \(pid {os.getpid()}: .*\)\."
        rf" Stop that, or use other ports: make up PORT={wanted.port + 10_000} HOST={OTHER}",
        str(told.value),
    )


@pytest.mark.parametrize(
    ("address", "offset", "kind"), [(OTHER, 1, TCP), (LOOPBACK, 2, TCP), (LOOPBACK, 4, UDP), (OTHER, 6, TCP)]
)
def test_a_port_that_is_taken_elsewhere_is_free(address: str, offset: int, kind: socket.SocketKind) -> None:
    """What listens at an address where the stack does not is in nobody's way."""
    wanted = settings(OTHER, free_ports())
    with taken(address, wanted.port + offset, kind):
        port_check.check(wanted)


@pytest.mark.parametrize("address", [LOOPBACK, OTHER])
async def test_a_port_that_goes_after_the_check_is_named_too(address: str, tmp_path: Path, log: StackLog) -> None:
    """The same sentence, when the API cannot open because of it."""
    wanted = settings(OTHER, free_ports(), tmp_path)
    gateway = Gateway(builders.template("Resources: {}"), {}, builders.CREDENTIALS, log)
    with (
        taken(address, wanted.port, TCP),
        pytest.raises(TakenError, match=rf"^Port {wanted.port} \(for the API and the page\) is taken.*{os.getpid()}"),
    ):
        await Stack(wanted, log)._open(gateway)
    await gateway.stop()


async def test_an_address_that_goes_after_the_check_is_named_too(tmp_path: Path, log: StackLog) -> None:
    """A machine can lose its network meanwhile."""
    gateway = Gateway(builders.template("Resources: {}"), {}, builders.CREDENTIALS, log)
    with pytest.raises(SettingsError, match=rf"^HOST=192.0.2.77 cannot be used: {os.strerror(errno.EADDRNOTAVAIL)}.$"):
        await Stack(settings("192.0.2.77", free_ports(), tmp_path), log)._open(gateway)
    await gateway.stop()
