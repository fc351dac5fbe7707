"""A publisher's session with its track and onlookers, over real SRTP, in a time of the test's own: for whole lives of encoders."""

import os
from collections.abc import Callable, Sequence

from sfu.media.track import ForwardedTrack
from sfu.negotiation import Codec, DtlsRole, IceCredentials, Media, Negotiated
from sfu.plane.publisher import Publisher
from sfu.plane.session import SessionStart
from sfu.stats import PlaneStats
from sfu.transport.peer import Peer
from sfu.transport.srtp import PROFILES, Protection, split
from sfu.transport.udp import UdpSocket
from sfu.wire.bitstream.header_readers import header_reader
from sfu.wire.bitstream.picture import KEY, OPENING, STARTS
from sfu.wire.rtp import FIXED
from shared.grants import Action
from tests.peers.clips.payloads import unit_of
from tests.peers.clips.pictures import Decoder
from tests.sfu.media.onlooker import Onlooker
from tests.sfu.media_harness import grant

STEP = 0.005

Arrival = tuple[float, int, int, int, bool, bytes]
"""Time, SSRC, sequence number, RTP timestamp, marker, payload."""


class Studio:
    """One stream, its publisher and its viewers."""

    def __init__(self, udp: UdpSocket, codec: str) -> None:
        self._udp = udp
        self.codec = Codec(codec, 90000, 1, {"packetization-mode": "1"} if codec == "H264" else {})
        self.track = ForwardedTrack(
            "video", self.codec, udp, PlaneStats(), first_index=1000, first_timestamp=0xFFFF0000
        )
        self.now = 100.0
        self.onlookers: list[tuple[Onlooker, float]] = []
        self.connect()

    def connect(self) -> None:
        """A publisher comes, or another one takes over."""
        material = os.urandom(2 * (PROFILES[0].key + PROFILES[0].salt))
        self._theirs = Protection(split(PROFILES[0], material, client=True))
        media = Media("0", "video", self.codec, 96, nack=True, pli=True)
        ice = IceCredentials("ufrag", "password")
        negotiated = Negotiated("", ice, ice, (), DtlsRole.SERVER, (media,))
        peer = Peer(None, negotiated, self._udp, self.now)  # type: ignore[arg-type]  # there is no handshake here
        peer.protection = Protection(split(PROFILES[0], material, client=False))
        peer.secure = True
        beginning = SessionStart(grant(Action.PUBLISH).claims, peer, "secret", "etag", 0.0, self.now)
        self.publisher = Publisher(beginning, {"video": self.track}, PlaneStats())
        self._indices: dict[int, int] = {}
        self._reported = self.now

    def join(self) -> None:
        """Let one more viewer come."""
        self.onlookers.append((Onlooker(self.track, self.now), self.now))

    def run(self, arrivals: Sequence[Arrival], *events: tuple[float, Callable[[], None]]) -> None:
        """Let all of it happen in order of time, from now on."""
        began = self.now
        due: list[tuple[float, int, Callable[[], None]]] = [(at, -1, what) for at, what in events]
        due += [(one[0], n, lambda one=one: self._arrive(one)) for n, one in enumerate(arrivals)]  # type: ignore[misc]
        for at, _, what in sorted(due, key=lambda one: one[:2]):
            self._advance(began + at)
            what()
        self._advance(self.now + 0.3)

    def _arrive(self, arrival: Arrival) -> None:
        _, ssrc, sequence, timestamp, marker, payload = arrival
        last = self._indices.get(ssrc, sequence)
        index = last + (sequence - last + 0x8000 & 0xFFFF) - 0x8000
        self._indices[ssrc] = max(index, last)
        header = FIXED.pack(0x80, 0x80 * marker | 96, index & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
        track = self.publisher.rtp(self._theirs.seal_rtp(header, payload, index), self.now)
        if track is not None and track.ready(self.now):
            track.flush(self.now)

    def _advance(self, until: float) -> None:
        while self.now < until:
            self.now = min(until, self.now + STEP)
            self.publisher.tick(self.now)
            self.track.flush(self.now)
            if self.track.joining:
                self.track.step(self.now, STEP)
            if self.now - self._reported >= 1.0:
                self._reported = self.now
                self.publisher.report(self.now)
                self.track.tick(self.now)
            for onlooker, _ in self.onlookers:
                if onlooker.outgoing.began is not None:
                    onlooker.drain(self.now)
                    self._repair(onlooker)

    def _repair(self, onlooker: Onlooker) -> None:
        outgoing = onlooker.outgoing
        for number in onlooker.missing():
            packet = self.track.viewers.find(outgoing, number)
            if packet is not None and outgoing.rtp_stream is not None:
                times = [outgoing.timestamp(packet)]
                outgoing.rtp_stream.send_alone(outgoing.destination, [packet], times, self._udp, PlaneStats())

    def seen(self) -> list[tuple[float | None, list[int | None]]]:
        """Of each viewer: how long it waited for its first picture, and all that its decoder showed."""
        found = []
        for onlooker, joined in self.onlookers:
            at, shown = _seen(onlooker, self.codec.name)
            found.append((None if at is None else at - joined, shown))
            onlooker.close()
        return found


def _seen(onlooker: Onlooker, codec: str) -> tuple[float | None, list[int | None]]:
    """As a player: a picture that is torn is not decoded, and none after it until a key picture is whole."""
    decoder, headers = Decoder(codec), header_reader(codec)
    first_at: float | None = None
    pieces: list[bytes] = []
    waits, torn, arrived = True, False, 0.0
    before, of, ended = -1, -1, True
    for number, (timestamp, marker, payload, at) in [*sorted(onlooker.packets.items()), (-1, (-1, True, b"", 0.0))]:
        if pieces and (ended or timestamp != of):
            flags = 0
            for piece in pieces:
                flags |= headers.flags(piece)
            waits = waits or torn
            if not ended and all(headers.flags(piece) & OPENING for piece in pieces):
                pass  # a picture that never came
            elif not torn and (flags & KEY or not waits):
                waits = False
                if decoder.feed(unit_of(codec, pieces)) and first_at is None:
                    first_at = arrived
            pieces, torn, arrived = [], False, 0.0
        # Before the first packet of a key picture anything may be missing.
        hole = before >= 0 and number != before + 1
        torn = torn or (hole and not (not pieces and headers.flags(payload) & (KEY | STARTS)))
        pieces.append(payload)
        arrived, before, of, ended = max(arrived, at), number, timestamp, marker
    decoder.finish()
    assert not decoder.failures
    assert not onlooker.refused
    return first_at, decoder.shown
