"""A WHIP publisher that sends a clip in real time, round and round, like an encoder: OBS's habits by default.

It answers NACKs from a history with the same packet again, and ignores keyframe requests unless told to react. A server
that asks again before the first answer came gets the packet twice, and takes the second for the replay that it is
(RFC 3711, section 3.3.2): so each packet counts once, however often it was sent.
"""

import random
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.peers.clips.clip import Clip, Payload
from tests.peers.peer import Host, Peer
from tests.peers.protocol import rtcp, sdp
from tests.peers.protocol.srtp import Unauthentic

HISTORY = 2048
CLOCK: dict[sdp.Kind, int] = {"video": 90000, "audio": 48000}


@dataclass(slots=True)
class Outgoing:
    """One track as it is sent."""

    kind: sdp.Kind
    payload_type: int
    ssrc: int
    payloads: list[Payload]
    index: int
    """Extended sequence number of the next packet; the first one's ROC is 0."""
    base: int
    """RTP timestamp of the start."""
    delays: list[float]
    """For each payload, how long after its frame it leaves."""
    position: int = 0
    offset: float = 0.0
    """What is added to a payload's place in the clip to get seconds since the start."""
    timestamp: int = 0
    """Of the last payload that was sent."""
    packets: int = 0
    octets: int = 0
    history: dict[int, bytes] = field(default_factory=dict)
    unsent: set[int] = field(default_factory=set)
    """Sequence numbers of the history that have not left yet."""

    def due(self) -> float:
        """Seconds since the start at which the next payload is to be sent."""
        return self.payloads[self.position].at + self.offset + self.delays[self.position]


class Publisher(Peer):
    """One publisher. It writes the wall-clock time of sending of each payload into *stamps*."""

    direction = "sendonly"

    def __init__(
        self,
        host: Host,
        url: str,
        clip: Clip,
        stamps: "memoryview[float]",
        *,
        reacts: bool = False,
        spread: float = 0.0,
        skip_every: int = 0,
        copies: int = 1,
        sequence: int | None = None,
        **options: object,
    ) -> None:
        super().__init__(host, url, **options)  # type: ignore[arg-type]  # Peer's own keywords, passed through
        self._clip, self._stamps, self._reacts = clip, stamps, reacts
        self._skip_every = skip_every
        """Each so manieth video packet is not sent until it is asked for: a loss on the way up that both sides can count."""
        self._copies = copies
        """How often a packet is sent that is asked for: 2 is what a server gets that is too impatient for the path."""
        self.octets = 0
        """UDP payload of the SRTP packets sent (RTP only, each once), the way usage is metered."""
        self.packets = 0
        self.retransmitted = 0
        self.replays = 0
        """Sent when they had been sent before."""
        self.nacked = 0
        self.keyframe_requests = 0
        self.rembs = 0
        self.reports = 0
        self.late = 0.0
        """The worst delay of a payload against its due time: over a frame's length the generator itself was starved."""
        self.paused = False
        self._started = 0.0
        self.tracks = [
            Outgoing(
                kind=kind,
                payload_type=sdp.FORMATS[kind][0],
                ssrc=self.ssrc[kind],
                payloads=[payload for payload in clip.payloads if payload.kind == kind],
                index=random.getrandbits(15) if sequence is None else sequence,
                delays=_delays([payload for payload in clip.payloads if payload.kind == kind], spread),
                base=random.getrandbits(32),
            )
            for kind in self.kinds
        ]
        self._by_ssrc = {track.ssrc: track for track in self.tracks}

    def on_secured(self) -> None:
        """Media begins with the keys."""
        self._started = self._loop.time()
        self._tick()
        self._later(0.2, self._report)

    def on_media(self, packet: memoryview) -> None:
        """Feedback: a publisher receives nothing but RTCP."""
        if self._receiver is None or not 191 < packet[1] < 224:
            return
        try:
            compound = self._receiver.rtcp(packet)
        except Unauthentic:
            self.unauthentic += 1
            return
        for part in rtcp.parse(compound):
            self.on_feedback(part)

    def on_feedback(self, part: rtcp.Packet) -> None:
        """One packet of what a server says to an encoder."""
        wanted = rtcp.read_nack(part)
        if wanted is not None:
            self._repeat(*wanted)
        elif rtcp.is_keyframe_request(part):
            self.keyframe_requests += 1
            if self._reacts:
                self._to_keyframe()
        elif rtcp.is_remb(part):
            self.rembs += 1
        elif part.kind == rtcp.RR:
            self.reports += 1

    def pause(self) -> None:
        """Send no media, but stay: an encoder that stalls."""
        self.paused = True

    def resume(self) -> None:
        """Go on, at the time that it is now."""
        self.paused = False

    def _tick(self) -> None:
        """Send all that is due, then sleep until the next payload is."""
        if self._sender is None or self._socket is None:
            return
        while True:
            now = self._loop.time() - self._started
            track = min(self.tracks, key=Outgoing.due)
            due = track.due()
            if due > now:
                break
            self.late = max(self.late, now - due)
            self._emit(track)
        self._later(due - now, self._tick)

    def _emit(self, track: Outgoing) -> None:
        assert self._sender is not None
        payload = track.payloads[track.position]
        timestamp = (track.base + round((payload.at + payload.ahead + track.offset) * CLOCK[track.kind])) & 0xFFFFFFFF
        track.position += 1
        if track.position == len(track.payloads):
            track.position = 0
            track.offset += self._clip.recipe.seconds
        if self.paused:
            return
        track.timestamp = timestamp
        second = track.payload_type | (0x80 if payload.marker else 0)
        header = (
            bytes((0x80, second))
            + (track.index & 0xFFFF).to_bytes(2, "big")
            + track.timestamp.to_bytes(4, "big")
            + track.ssrc.to_bytes(4, "big")
        )
        packet = self._sender.rtp(header, payload.data, track.index)
        sequence = track.index & 0xFFFF
        track.history[sequence] = packet
        track.unsent.add(sequence)
        if len(track.history) > HISTORY:
            oldest = next(iter(track.history))
            del track.history[oldest]
            track.unsent.discard(oldest)
        track.index += 1
        track.packets += 1
        track.octets += len(payload.data)
        self._stamps[payload.number] = time.time()
        if self._skip_every and track.kind == "video" and track.packets % self._skip_every == 0:
            return
        self._deliver(track, sequence, packet)

    def _repeat(self, source: int, lost: list[int]) -> None:
        track = self._by_ssrc.get(source)
        self.nacked += len(lost)
        for sequence in lost:
            packet = track.history.get(sequence) if track else None
            if track is not None and packet is not None:
                self.retransmitted += sum(self._deliver(track, sequence, packet) for _ in range(self._copies))

    def _deliver(self, track: Outgoing, sequence: int, packet: bytes) -> bool:
        """Send it, and count it unless it was sent before; False where the socket did not take it."""
        if not self._send(packet):
            return False
        if sequence in track.unsent:
            track.unsent.remove(sequence)
            self.packets += 1
            self.octets += len(packet)
        else:
            self.replays += 1
        return True

    def _to_keyframe(self) -> None:
        """Go on with the next keyframe of the clip, at the next frame's time."""
        for track in self.tracks:
            if track.kind != "video":
                continue
            frame = 1 / self._clip.recipe.fps
            elapsed = self._loop.time() - self._started
            n = len(track.payloads)
            for step in range(n):
                position = (track.position + step) % n
                payload = track.payloads[position]
                before = track.payloads[position - 1]
                if payload.keyframe and (before.frame != payload.frame or n == 1):
                    track.position = position
                    track.offset = (int(elapsed / frame) + 1) * frame - payload.at
                    return

    def _report(self) -> None:
        if self._sender is None:
            return
        if not self.paused:
            wall, elapsed = time.time(), self._loop.time() - self._started
            for track in self.tracks:
                timestamp = (track.base + round(elapsed * CLOCK[track.kind])) & 0xFFFFFFFF
                report = rtcp.sender_report(
                    track.ssrc, wall=wall, timestamp=timestamp, packets=track.packets, octets=track.octets
                )
                self._send(self._sender.rtcp(report + rtcp.source_description(track.ssrc, "peer")))
        self._later(1.0, self._report)


def _delays(payloads: list[Payload], spread: float) -> list[float]:
    """Evenly over *spread* seconds for the packets of a frame, as a pacer does it; 0 is a burst, as OBS and FFmpeg send."""
    sizes = Counter(payload.frame for payload in payloads)
    seen: Counter[int] = Counter()
    delays = []
    for payload in payloads:
        delays.append(spread * seen[payload.frame] / sizes[payload.frame])
        seen[payload.frame] += 1
    return delays
