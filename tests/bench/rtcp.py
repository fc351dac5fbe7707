"""What it costs to read a viewer's RTCP, by our code and by aiortc's, in turns in one process: `python -m tests.bench.rtcp`.

docs/decisions/011-rtcp-of-our-own.md tells what came of it.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sfu.wire import rtcp

ROUNDS = 9
EACH = 20_000
COMPOUND = rtcp.receiver_report(1, [(5, 26, 3, 70_000, 12, 0, 0)]) + rtcp.nack(1, 5, [10, 11, 12, 40])
"""What a viewer with a loss sends: a receiver report of one block, and a NACK of four numbers."""


def main() -> int:
    """Print processor time and memory of both; always 0."""
    before = resident()
    from aiortc.rtp import RtcpPacket  # noqa: PLC0415 - what its import takes is measured

    took = resident() - before

    def theirs() -> None:
        RtcpPacket.parse(COMPOUND)

    mine, other = [], []
    for _ in range(ROUNDS):
        mine.append(microseconds(ours))
        other.append(microseconds(theirs))
    us, them = statistics.median(mine), statistics.median(other)
    sys.stdout.write(
        f"A compound of {len(COMPOUND)} bytes: aiortc {them:.2f} µs, ours {us:.2f} µs, ratio {us / them:.2f}.\n"
        f"Importing aiortc.rtp took {took / 1000:.0f} MB.\n"
    )
    return 0


def ours() -> None:
    """Read COMPOUND as a node reads it for a viewer."""
    for kind, count, body in rtcp.packets(COMPOUND):
        if kind in (rtcp.SR, rtcp.RR):
            for _ in rtcp.report_blocks(kind, count, body):
                pass
        elif kind == rtcp.RTPFB and count == rtcp.NACK:
            rtcp.nacked(body)


def microseconds(read: Callable[[], None]) -> float:
    """Processor time of one call of *read*."""
    began = time.process_time()
    for _ in range(EACH):
        read()
    return (time.process_time() - began) / EACH * 1e6


def resident() -> int:
    """This process's memory in kB."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


if __name__ == "__main__":
    sys.exit(main())
