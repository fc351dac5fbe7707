"""Microseconds of processor time a forwarded packet costs, beside the floor: the kernel's send and AES-GCM alone.

`python -m tests.bench.packet_path [viewers]`. One track of 2.5 Mbit/s video, a frame a burst, to sockets of this process that
are drained now and then, so that the kernel does the whole way. Ratios count; absolute figures are the machine's.
"""

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sfu.media.destination import SrtpDestination
from sfu.media.history import Packet  # noqa: TC001 - annotations are one rule for all imports
from sfu.media.outgoing_rtp_stream import OutgoingRtpStream, RtpParameters
from sfu.native.fanout import Fanout
from sfu.stats import PlaneStats
from sfu.transport.srtp import OPENSSL, PROFILES, Protection, split
from sfu.transport.udp import UdpSocket

FRAME = (1188,) * 8 + (500,)
"""Payloads of a frame at 2.5 Mbit/s and 30 frames a second."""
SOUND = (110,)
"""A packet of Opus: it leaves alone, 50 times a second."""
ROUNDS = 200


class Viewers:
    """Sockets that somebody sends to."""

    def __init__(self, count: int) -> None:
        self._sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
        for one in self._sockets:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            one.bind(("127.0.0.1", 0))
            one.setblocking(False)  # noqa: FBT003 - the socket's own signature
        self.addresses = [one.getsockname() for one in self._sockets]

    def drain(self) -> int:
        """Take everything out; how many datagrams that were."""
        taken = 0
        for one in self._sockets:
            with contextlib.suppress(BlockingIOError):
                while True:
                    one.recv(2048)
                    taken += 1
        return taken

    def close(self) -> None:
        """Close the sockets of all viewers."""
        for one in self._sockets:
            one.close()


def measure(what: Callable[[int], None], viewers: Viewers, burst: Sequence[int]) -> float:
    """Microseconds of processor time a packet of *burst*; the drains are not counted."""
    spent = 0.0
    arrived = 0
    for round_ in range(ROUNDS):
        before = time.process_time()
        what(round_)
        spent += time.process_time() - before
        arrived += viewers.drain()
    expected = ROUNDS * len(burst) * len(viewers.addresses)
    if arrived < expected * 0.98:
        raise RuntimeError(f"{expected - arrived} of {expected} datagrams were lost")
    return spent / arrived * 1e6


def forwarding(udp: UdpSocket, viewers: Viewers, profile: int, sizes: Sequence[int]) -> Callable[[int], None]:
    """Our packet path, from a burst of the track to the kernel."""
    rtp_stream = OutgoingRtpStream(RtpParameters(96, 1, {}), 0)
    for address in viewers.addresses:
        material = os.urandom(2 * (PROFILES[profile].key + PROFILES[profile].salt))
        destination = SrtpDestination(address, Protection(split(PROFILES[profile], material, client=True), udp.fanout))
        rtp_stream.begin(destination, 0)
        rtp_stream.join(destination)
    payloads = [os.urandom(size) for size in sizes]
    stats = PlaneStats()

    def burst(round_: int) -> None:
        packets: list[Packet] = [
            (round_ * len(sizes) + n, round_ * 3000, 0, payload, (), 0.0) for n, payload in enumerate(payloads)
        ]
        rtp_stream.forward(packets, udp, stats)

    return burst


def floor(udp: UdpSocket, viewers: Viewers) -> Callable[[int], None]:
    """The same bytes to the same sockets with as little around it as Python allows: one encryption, one send."""
    sealers = [(AESGCM(os.urandom(16)).encrypt, address) for address in viewers.addresses]
    header, nonce = bytes(12), bytes(12)
    payloads = [os.urandom(size) for size in FRAME]

    def burst(_round: int) -> None:
        with udp.segmented(12 + FRAME[0] + 16):
            for seal, address in sealers:
                parts = []
                for payload in payloads:
                    parts.append(header)
                    parts.append(seal(nonce, payload, header))
                udp.sendto(b"".join(parts), address)

    return burst


def sending(udp: UdpSocket, viewers: Viewers) -> Callable[[int], None]:
    """The cost of the kernel's part alone."""
    whole = bytes(sum(12 + size + 16 for size in FRAME))

    def burst(_round: int) -> None:
        with udp.segmented(12 + FRAME[0] + 16):
            for address in viewers.addresses:
                udp.sendto(whole, address)

    return burst


async def main() -> None:
    """Measure each way of a packet, and print what it costs."""
    viewers = Viewers(int(sys.argv[1]) if len(sys.argv) > 1 else 100)

    def opened(fanout: Fanout | None) -> UdpSocket:
        nothing = PlaneStats()
        return UdpSocket(
            ("127.0.0.1", 0),
            nothing,
            on_datagram=lambda _d, _a: None,
            on_drained=lambda: None,
            wall=time.time,
            fanout=fanout,
        )

    udp = opened(None)
    compiled = opened(Fanout.load(OPENSSL))  # `make bench` has built it, or this says what is missing
    ways = {
        "kernel alone": (sending(udp, viewers), FRAME),
        "floor: kernel and AES-GCM": (floor(udp, viewers), FRAME),
        "in Python, AEAD_AES_128_GCM": (forwarding(udp, viewers, 0, FRAME), FRAME),
        "in C, AEAD_AES_128_GCM": (forwarding(compiled, viewers, 0, FRAME), FRAME),
        "in Python, AES128_CM_SHA1_80": (forwarding(udp, viewers, 2, FRAME), FRAME),
        "sound in Python, AEAD_AES_128_GCM": (forwarding(udp, viewers, 0, SOUND), SOUND),
        "sound in C, AEAD_AES_128_GCM": (forwarding(compiled, viewers, 0, SOUND), SOUND),
    }
    figures = {name: measure(way, viewers, burst) for name, (way, burst) in ways.items()}
    for name, figure in figures.items():
        ratio = figure / figures["floor: kernel and AES-GCM"]
        print(f"{name:34s} {figure:6.2f} µs a packet  {ratio:4.2f} of the floor")  # noqa: T201 - its purpose
    udp.close()
    compiled.close()
    viewers.close()


if __name__ == "__main__":
    asyncio.run(main())
