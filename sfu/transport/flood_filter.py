"""Keeps a flood from unknown addresses out of the socket's queue, by a filter that the kernel runs on each datagram (classic BPF).

An address is known if it is one of a session's. While more datagrams come from unknown ones than the node can read beside its work,
the filter lets everything from known addresses pass. Of the rest it lets only binding requests pass, which may begin a session, and
of these a share that the node can read. So a flood is dropped before it costs anything but the kernel's time, and a newcomer's
checks get through because they are repeated. It needs no privilege. Programs and decisions are made here; udp.py hands them to the
kernel.
"""

import socket
import struct
from collections.abc import Iterable
from typing import Final

Address = tuple[str, int]

FLOOD: Final = 6000
"""Datagrams from unknown addresses a second (6 % of a core) that make a flood where the node does not keep up."""
BEHIND: Final = 0.01
"""Seconds that a datagram waits in the socket's queue where the node does not keep up."""
TORRENT: Final = 50_000
"""Datagrams from unknown addresses a second that make a flood in any case: half of what can be read."""
BUDGET: Final = 4000
"""Binding requests from unknown addresses a second that are read during a flood."""
EACH: Final = 0.018
"""Seconds that are looked at together at least: less than one of the plane's ticks, so that a flood is seen in 20 ms."""
CALM: Final = 3.0
"""Seconds of less than half a flood after which the filter is taken off."""
LARGEST_CHECK: Final = 600
"""Bytes of a binding request at most; a check has 100 to 200."""
MOST_KNOWN: Final = 1000
"""Addresses that a program has room for (4096 instructions); a node with more sessions goes without the filter."""

_INSTRUCTION: Final = struct.Struct("=HBBI")
_NETWORK, _EXTRA = -0x100000 & 0xFFFFFFFF, -0x1000 & 0xFFFFFFFF
"""Offsets from here on are in the IP header, and what is no byte of the datagram (linux/filter.h)."""
_RANDOM: Final = _EXTRA + 56
_WORD, _HALF, _BYTE, _LENGTH = 0x20, 0x28, 0x30, 0x80
_MULTIPLY, _AND, _XOR_X, _TO_X, _RETURN = 0x24, 0x54, 0xAC, 0x07, 0x06
_JUMP, _EQUAL, _ABOVE, _AT_LEAST = 0x05, 0x15, 0x25, 0x35
_TAKE, _DROP = 0xFFFFFFFF, 0
_SPREAD: Final = 0x9E3779B1
_HEAD: Final = 8
"""Bytes of the UDP header, at which the filter's view begins."""

Code = list[tuple[int, int, int, int]]


def key(address: Address) -> int:
    """What the program compares: 32 bits of host and port. Two addresses with the same one are taken for each other."""
    host = address[0].removeprefix("::ffff:").partition("%")[0]
    packed = socket.inet_pton(socket.AF_INET6, host) if ":" in host else socket.inet_aton(host)
    value = 0
    for word in struct.unpack(f"!{len(packed) // 4}I", packed):
        value = value * _SPREAD & 0xFFFFFFFF ^ word
    return value * _SPREAD & 0xFFFFFFFF ^ address[1]


def program(known: Iterable[Address], share: float) -> bytes:
    """The filter as `struct sock_filter[]`: passes all from *known*, and *share* (0 to 1) of other binding requests."""
    keys = sorted({key(address) for address in known})
    tree = _tree(keys)
    four = [*_hash(range(12, 16, 4)), (_JUMP, 0, 0, 0)]
    six = _hash(range(8, 24, 4))
    four[-1] = (_JUMP, 0, 0, len(six))
    code: Code = [
        (_BYTE, 0, 0, _NETWORK),
        (_AND, 0, 0, 0xF0),
        (_EQUAL, len(four), 0, 0x60),
        *four,
        *six,
        *tree,
        # An unknown address from here on. A load beyond the datagram's end drops it.
        (_LENGTH, 0, 0, 0),
        (_ABOVE, 7, 0, _HEAD + LARGEST_CHECK),
        (_HALF, 0, 0, _HEAD),
        (_EQUAL, 0, 5, 0x0001),
        (_WORD, 0, 0, _HEAD + 4),
        (_EQUAL, 0, 3, 0x2112A442),
        (_WORD, 0, 0, _RANDOM),
        (_AT_LEAST, 1, 0, min(int(share * 2**32), 2**32 - 1)),
        (_RETURN, 0, 0, _TAKE),
        (_RETURN, 0, 0, _DROP),
    ]
    return b"".join(_INSTRUCTION.pack(*one) for one in code)


def _hash(words: range) -> Code:
    """`key` of the IP header's *words* and the source port, as instructions; the value stays in the accumulator."""
    code: Code = []
    for number, at in enumerate(words):
        if number:
            code += [(_MULTIPLY, 0, 0, _SPREAD), (_TO_X, 0, 0, 0)]
        code.append((_WORD, 0, 0, _NETWORK + at))
        if number:
            code.append((_XOR_X, 0, 0, 0))
    return [*code, (_MULTIPLY, 0, 0, _SPREAD), (_TO_X, 0, 0, 0), (_HALF, 0, 0, 0), (_XOR_X, 0, 0, 0)]


def _tree(keys: list[int], rest: int = 0) -> Code:
    """Take what is one of *keys*; go on behind *rest* more instructions where it is none. By halves: ten steps for 1000."""
    if len(keys) <= 2:
        code: Code = []
        for value in keys:
            code += [(_EQUAL, 0, 1, value), (_RETURN, 0, 0, _TAKE)]
        return [*code, (_JUMP, 0, 0, rest)] if rest else code
    middle = len(keys) // 2
    right = _tree(keys[middle:], rest)
    left = _tree(keys[:middle], rest + len(right))
    return [(_AT_LEAST, 0, 1, keys[middle]), (_JUMP, 0, 0, len(left)), *left, *right]


class FloodFilter:
    """Decides whether there is a flood, and what share of unknown addresses' checks is read: from counts and time alone."""

    __slots__ = ("_at", "_calm_since", "_read", "_shed", "share")

    def __init__(self) -> None:
        self.share: float | None = None
        """The share of binding requests that the filter lets pass, 0 to 1; None: no filter."""
        self._at = float("-inf")
        self._calm_since = 0.0
        self._read = 0
        self._shed = 0

    def judge(self, read: int, shed: int, waited: float, now: float) -> bool:
        """Judge by how many datagrams of unknown addresses were *read* and *shed* by the kernel so far; whether `share` changed.

        *waited* is how many seconds the last datagram lay in the socket's queue.
        """
        elapsed = now - self._at
        if elapsed < EACH:
            return False
        read_rate, shed_rate = (read - self._read) / elapsed, (shed - self._shed) / elapsed
        self._at, self._read, self._shed = now, read, shed
        before = self.share
        if before is None:
            if read_rate > (FLOOD if waited > BEHIND else TORRENT):
                self.share = BUDGET / read_rate
                self._calm_since = now
        elif read_rate + shed_rate >= FLOOD / 2:
            self._calm_since = now
            if not BUDGET / 2 < read_rate < BUDGET * 1.5:
                self.share = min(1.0, max(1e-4, before * BUDGET / max(read_rate, 1.0)))
        elif now - self._calm_since >= CALM:
            self.share = None
        return self.share != before
