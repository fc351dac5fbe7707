"""Sends one kind of datagram at one rate, from an address of its own: `python -m tests.sfu.flood`, told on standard input.

A process by itself, so that it takes no time of those who measure. Each line is a JSON object: `to`, `data` (hex),
`mbit`, `seconds`; each is answered with a line that says how many datagrams were sent.
"""

import json
import socket
import struct
import sys
import time

ADDRESS = "127.0.0.66"
UDP_SEGMENT = 103
TOGETHER = 32


def flood(to: tuple[str, int], data: bytes, mbit: float, seconds: float) -> int:
    """Send *data* for *seconds*; from a new port each time."""
    sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((ADDRESS, 0))
        sender.connect(to)
        if data:
            sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("=i", len(data)))
        burst = data * min(TOGETHER, 60_000 // max(1, len(data)))
        each = len(burst) // len(data) if data else 1
        # An empty datagram is paid for as its headers.
        gap = each * (len(data) or 100) * 8 / (mbit * 1e6)
        began = time.monotonic()
        bursts = 0
        while (now := time.monotonic()) < began + seconds:
            if began + bursts * gap > now:
                time.sleep(began + bursts * gap - now)
            try:
                sender.send(burst)
                sent += each
            except OSError:  # no room: as many were meant to be
                pass
            bursts += 1
    return sent


class Step:
    """What any handling of a datagram begins with: a call, a look at its first byte, a slice, a look-up, a count.

    The unit in which costs of different machines are told. An empty loop is none: other work on the machine slows it less.
    """

    def __init__(self) -> None:
        self.known: dict[bytes, int] = {}
        self.seen = 0

    def take(self, data: bytes) -> int:
        """Take this step of the flood once."""
        self.seen += data[0] < 4
        return self.known.get(data[4:20], 0)


def step() -> float:
    """Seconds of one `Step`, the least of some."""
    one, data = Step(), bytes(100)

    def run() -> float:
        began = time.perf_counter()
        for _ in range(5_000):
            one.take(data)
        return (time.perf_counter() - began) / 5_000

    return min(run() for _ in range(30))


if __name__ == "__main__":
    for line in sys.stdin:
        told = json.loads(line)
        print(flood(tuple(told["to"]), bytes.fromhex(told["data"]), told["mbit"], told["seconds"]), flush=True)  # noqa: T201
