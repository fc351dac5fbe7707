"""Ports for tests. Asking the kernel for a free one gives the same one twice now and then, or one that an outgoing connection
takes before its owner binds it; these are given once in a row, below what Linux gives to outgoing connections by itself, and
the first twenty workers of a run have a slice each.
"""

import os
import secrets
import socket
from collections.abc import Iterator
from itertools import cycle
from typing import Final

import pytest

from local.ports import is_free, plan

_WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 20


def _endless(first: int, count: int, step: int) -> Iterator[int]:
    """The ports of this worker's slice, for ever, from a random one on: another run may be on this machine."""
    ports = range(first + _WORKER * count * step, first + (_WORKER + 1) * count * step, step)
    begin = secrets.randbelow(count)
    return cycle([*ports[begin:], *ports[:begin]])


_SINGLE: Final = _endless(10_100, 540, 1)  # past 10080, which browsers refuse (Fetch, "bad port")
_BLOCKS: Final = _endless(21_000, 34, 16)
_TRIES: Final = 1000


def free_port() -> int:
    """A port that nobody has, for TCP or UDP, and that was not given just before."""
    for _ in range(_TRIES):
        port = next(_SINGLE)
        if all(is_free("127.0.0.1", port, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)):
            return port
    pytest.fail("no free port")


def free_ports() -> int:
    """The first of a block of ports that a stack takes, likewise."""
    for _ in range(_TRIES):
        port = next(_BLOCKS)
        if all(is_free("127.0.0.1", number, kind) for _, number, kind in plan(port).all()):
            return port
    pytest.fail("no free block of ports")
