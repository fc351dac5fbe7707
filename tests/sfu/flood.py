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


def turn() -> float:
    """Seconds of one turn of an empty loop, the least of some: what costs of different machines are told in."""

    def run() -> float:
        began = time.perf_counter()
        for _ in range(20_000):
            pass
        return (time.perf_counter() - began) / 20_000

    return min(run() for _ in range(20))


if __name__ == "__main__":
    for line in sys.stdin:
        told = json.loads(line)
        print(flood(tuple(told["to"]), bytes.fromhex(told["data"]), told["mbit"], told["seconds"]), flush=True)  # noqa: T201
