"""A viewer of a track over a real socket with real SRTP, judged by a decoder: what it would have shown, and when.

Time is the test's own. It is as strict as a player's jitter buffer: a picture with a missing packet is not decoded, and after
one nothing is until the next whole key picture.
"""

import os
import socket
import time
import weakref
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sfu.media.outgoing_rtp_stream import RtpParameters
from sfu.media.outgoing_track import OutgoingTrack
from sfu.media.track import ForwardedTrack
from sfu.native.fanout import Fanout
from sfu.stats import PlaneStats
from sfu.transport.srtp import PROFILES, Protection, split
from sfu.transport.udp import UdpSocket
from sfu.wire.bitstream.header_readers import header_reader
from sfu.wire.bitstream.picture import SETS
from sfu.wire.rtp import extend, parse
from tests.peers.clips.payloads import unit_of
from tests.peers.clips.pictures import Decoder


@dataclass(frozen=True, slots=True)
class Sent:
    """One packet of a publisher."""

    frame: int
    timestamp: int
    marker: bool
    payload: bytes
    key: bool
    """It is of a picture that a decoder can start with."""
    opening: bool = False
    """It has nothing of the picture itself."""


@dataclass(slots=True)
class Seen:
    """What an onlooker saw of a stream."""

    frames: list[int] = field(default_factory=list)
    """The pictures that were decoded, as the publisher numbers them."""
    shown: list[int | None] = field(default_factory=list)
    """The pictures that came out: the same, where all is right."""
    failures: int = 0
    first_at: float | None = None
    """When the last packet of the first of them was there."""


class Onlooker:
    """One viewer that notes what it receives."""

    def __init__(self, track: ForwardedTrack, now: float, *, profile: int = 0, fanout: Fanout | None = None) -> None:
        self._track = track
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)  # noqa: FBT003 - the socket's own signature
        weakref.finalize(self, self._socket.close)  # where a test fails before it closes
        material = os.urandom(2 * (PROFILES[profile].key + PROFILES[profile].salt))
        ours = Protection(split(PROFILES[profile], material, client=True), fanout)
        self._theirs = Protection(split(PROFILES[profile], material, client=False))
        self.outgoing = OutgoingTrack(self._socket.getsockname(), ours, RtpParameters(96, 77, {}), now)
        self.packets: dict[int, tuple[int, bool, bytes, float]] = {}
        """Extended sequence -> timestamp, marker, payload, arrival."""
        self.bytes = 0
        self.refused = 0
        """Not authentic, or a replay."""
        self.deaf = False
        """Its SRTP is not ready: what comes is lost."""
        track.viewers.follow(self.outgoing)

    def close(self) -> None:
        """End the session and free the port."""
        self._track.viewers.unfollow(self.outgoing)
        self._socket.close()

    def drain(self, now: float) -> None:
        """Take in what has come meanwhile."""
        while True:
            try:
                data = self._socket.recv(2048)
            except BlockingIOError:
                return
            self.bytes += len(data)
            if self.deaf:
                continue
            plain = self._theirs.open_rtp(data)
            header = None if plain is None else parse(plain)
            if plain is None or header is None:
                self.refused += 1
                continue
            last = max(self.packets, default=header[2] + 0x10000)
            self.packets[extend(header[2], last)] = (header[3], bool(header[0]), plain[header[6] :], now)

    def missing(self) -> list[int]:
        """The sequence numbers that a receiver would ask for."""
        if not self.packets:
            return []
        return [n & 0xFFFF for n in range(min(self.packets), max(self.packets)) if n not in self.packets]

    def units(self, codec: str) -> list[bytes]:
        """What a decoder is fed from the first parameter sets on: no gaps are looked for."""
        found = [[payload for _, payload in packets] for packets, _, _ in self._pictures()]
        starts = (
            n for n, payloads in enumerate(found) if any(header_reader(codec).flags(one) & SETS for one in payloads)
        )
        return [unit_of(codec, payloads) for payloads in found[next(starts, len(found)) :]]

    def judge(self, codec: str, sent: Sequence[Sent], zero: int) -> Seen:
        """Decode what came of *sent*, the first of which has the index *zero*."""
        rtp_stream = self.outgoing.rtp_stream
        base = 0 if rtp_stream is None else rtp_stream.base
        entire = Counter(packet.frame for packet in sent)
        # Who begins here was sent what comes before the slices apart.
        whole = Counter(packet.frame for packet in sent if not packet.opening)
        seen, decoder, at = Seen(), Decoder(codec), 0.0
        waits = True
        for packets, arrived, torn in self._pictures():
            known = []
            for number, payload in packets:
                n = number - base - zero & 0xFFFF
                # AV1's first packet may have been given a sequence header.
                if n < len(sent) and (payload == sent[n].payload or codec == "AV1"):
                    known.append(sent[n])
            frames = {packet.frame for packet in known}
            at = max(at, arrived)
            waits = waits or torn
            slices = [packet for packet in known if not packet.opening]
            starts = bool(slices) and slices[0].key and len(slices) >= whole[slices[0].frame]
            if torn and starts:
                starts = len(known) >= entire[slices[0].frame]
            if (waits and not starts) or not frames:
                seen.failures += not waits and not frames
                continue
            waits = False
            decoder.feed(unit_of(codec, [payload for _, payload in packets]))
            seen.frames.append(max(frames))
            seen.first_at = at if seen.first_at is None else seen.first_at
        decoder.finish()
        seen.shown, seen.failures = decoder.shown, seen.failures + decoder.failures
        return seen

    def _pictures(self) -> Iterator[tuple[list[tuple[int, bytes]], float, bool]]:
        """Numbers and payloads of one picture, when all were there, and whether a packet before its end is missing."""
        payloads: list[tuple[int, bytes]] = []
        arrived, torn, before, of, ended = 0.0, False, -1, -1, True
        for number, (timestamp, marker, payload, at) in sorted(self.packets.items()):
            if payloads and (ended or timestamp != of):
                yield payloads, arrived, torn or (not ended and number != before + 1)
                payloads, arrived, torn = [], 0.0, False
            if before >= 0 and number != before + 1:
                torn = True
            payloads.append((number, payload))
            arrived, before, of, ended = max(arrived, at), number, timestamp, marker
        if payloads:
            yield payloads, arrived, torn


@contextmanager
def wire(fanout: Fanout | None = None) -> Iterator[UdpSocket]:
    """The UDP socket of a node."""
    udp = UdpSocket(
        ("127.0.0.1", 0),
        PlaneStats(),
        on_datagram=lambda _d, _a: None,
        on_drained=lambda: None,
        wall=time.time,
        fanout=fanout,
    )
    try:
        yield udp
    finally:
        udp.close()
