"""The viewers of one track: who waits for a keyframe, who catches up, and who is live.

A new viewer of video begins at the cached group of pictures and catches up faster than real time, paced; one of audio begins
live. Where there is no group to begin with, it waits for the next keyframe. All of them go the same way: a cursor runs over the
history until it reaches the end, and then the viewer is live. Parameter sets that a group lacks are sent before it, in the numbers
before its first packet, which this viewer gets nothing else with.

Invariant: whoever is live got every index since its first one that the history had when the cursor passed it.
"""

from collections.abc import Callable, Sequence
from typing import Final

from sfu.media.feedback.keyframe_requests import KeyframeRequests
from sfu.media.history import History, Packet
from sfu.media.numbering import Numbering
from sfu.media.outgoing_rtp_stream import OutgoingRtpStream, RtpParameters
from sfu.media.outgoing_track import REPLAY_AFTER, OutgoingTrack
from sfu.negotiation import Kind
from sfu.stats import PlaneStats
from sfu.transport.srtp import REPEATABLE
from sfu.transport.udp import UdpSocket
from sfu.wire.rtp import extend

FIRST_BURST: Final = 64
"""Packets of a catch-up that are sent at once: most keyframes whole."""
PACE: Final = 1600
"""Packets a second of a catch-up, or CATCH_UP times the stream's own rate, if that is more."""
CATCH_UP: Final = 5
SHORTEST: Final = 0.05
"""Seconds that the timestamps of a catch-up span at least. They advance as fast as its packets are sent: a player that
got the true ones would stay seconds behind, and one that got them all but equal would take the catch-up for jitter
(Chromium: 0.02 s gave a freeze of half a second, 0.7 s for a catch-up of that length no gap and no delay)."""
DANGER: Final = 2_000
"""A viewer whose first packets are the last before the sequence wraps could lose them all, take the wrong rollover
counter, and see nothing for ever: it gets an RTP stream whose numbers are half way round instead."""
FRESH_GROUP: Final = 2.0
"""Where the source answers keyframe requests, a cached group older than this is not replayed: a new one comes sooner."""
PATIENCE: Final = 0.4
"""Seconds after which it is replayed all the same."""
GAP: Final = 60
"""A replayed group's first timestamp is a sixtieth of a second after the last one that was sent before it."""
MAX_REPLAY_AFTER: Final = 64.0
UNDERWAY: Final = 0.1
"""Seconds after a viewer's group began in which its request may have been sent before it came."""


class TrackViewers:
    """Sends one track to all its viewers: to the live ones each burst, to the others out of the history.

    *packets_ahead* names the packets with parameter sets that belong before the group that begins at an index.
    """

    def __init__(
        self,
        kind: Kind,
        history: History,
        numbering: Numbering,
        keyframes: KeyframeRequests,
        udp: UdpSocket,
        stats: PlaneStats,
        *,
        packets_ahead: Callable[[int], dict[int, Packet]],
    ) -> None:
        self._kind = kind
        self._history = history
        self._numbering = numbering
        self._keyframes = keyframes
        self._udp = udp
        self._stats = stats
        self._packets_ahead = packets_ahead
        self._rtp_streams: dict[tuple[RtpParameters, int, int], OutgoingRtpStream] = {}
        self._waiting: list[OutgoingTrack] = []
        """Those who wait for a keyframe or catch up."""
        self._sent = -1
        """The highest index that went out live."""
        self._rate = (0.0, 0)
        """When the packet rate was measured last, and the highest index then."""
        self._packets_per_second = 0.0

    def forward(self, burst: Sequence[Packet]) -> int:
        """Send *burst* to all who are live; returns the bytes of UDP payload that the kernel took."""
        sent = 0
        for rtp_stream in self._rtp_streams.values():
            if rtp_stream.aead or rtp_stream.plain:
                sent += rtp_stream.forward(burst, self._udp, self._stats)
        self._sent = max(self._sent, *(index for index, _timestamp, _marker, _payload, _extensions, _arrived in burst))
        return sent

    @property
    def joining(self) -> bool:
        """Whether a viewer waits for a keyframe or catches up."""
        return bool(self._waiting)

    def follow(self, outgoing: OutgoingTrack) -> None:
        """Serve *outgoing*, a viewer's copy of this track, from the next `step()` on."""
        self._waiting.append(outgoing)

    def unfollow(self, outgoing: OutgoingTrack) -> None:
        """Send nothing to *outgoing* any more, as its viewer leaves."""
        if outgoing in self._waiting:
            self._waiting.remove(outgoing)
        rtp_stream = outgoing.rtp_stream
        if rtp_stream is not None:
            self._leave(outgoing, rtp_stream)

    def _leave(self, outgoing: OutgoingTrack, rtp_stream: OutgoingRtpStream) -> None:
        rtp_stream.leave(outgoing.destination)
        outgoing.live = False
        if not len(rtp_stream) and not any(
            other.rtp_stream is rtp_stream for other in self._waiting if other is not outgoing
        ):
            self._rtp_streams = {key: value for key, value in self._rtp_streams.items() if value is not rtp_stream}

    def step(self, now: float, elapsed: float) -> int:
        """Begin with those who wait, and go on with those who catch up for *elapsed* seconds; returns the bytes sent."""
        sent = 0
        for outgoing in list(self._waiting):
            if outgoing.rtp_stream is None and not self._begin(outgoing, now):
                continue
            sent += self._advance(outgoing, now, elapsed)
            if outgoing.cursor > self._history.last:
                self._waiting.remove(outgoing)
                outgoing.live = True
                if outgoing.began is None:
                    outgoing.began = now  # sound begins with the next packet of all
                if outgoing.rtp_stream is not None:
                    outgoing.rtp_stream.join(outgoing.destination)
        return sent

    def measure(self, now: float) -> None:
        """Measure how many packets of the track come a second; called once a second."""
        at, before = self._rate
        total = self._numbering.last
        if at and now > at:
            self._packets_per_second = (total - before) / (now - at)
        self._rate = (now, total)

    def _begin(self, outgoing: OutgoingTrack, now: float) -> bool:
        history = self._history
        if self._kind == "video":
            age = history.group_age(now)
            if age is None or history.group is None:
                self._keyframes.ask()
                return False
            if self._keyframes.responsive and age > FRESH_GROUP and now - outgoing.since < PATIENCE:
                self._keyframes.ask()
                return False
            first = history.group
            ahead = self._packets_ahead(first)
        else:
            first = self._numbering.last + 1
            ahead = {}
        before = sum(1 for index in ahead if index < first)
        outgoing.rtp_stream = rtp_stream = self._rtp_stream_from(outgoing.parameters, first - before)
        rtp_stream.begin(outgoing.destination, first, before)
        self._start(outgoing, first, ahead, now)
        return True

    def _start(self, outgoing: OutgoingTrack, first: int, ahead: dict[int, Packet], now: float) -> None:
        """Let *outgoing* catch up from *first*; what is *ahead* it gets before that, or instead of what is in the history."""
        destination = outgoing.destination
        span = (self._history.group_age(now) or 0.0) if self._kind == "video" else 0.0
        outgoing.cursor = min((first, *ahead))
        outgoing.ahead = ahead
        outgoing.allowance = FIRST_BURST
        outgoing.restarted = now
        destination.join_index = self._history.last + 1
        destination.join_ts = self._numbering.last_ts
        destination.squeeze = max(1.0, span / max(self._sending(first), SHORTEST))

    def _sending(self, first: int) -> float:
        """Seconds that it takes to catch up from *first*."""
        return (self._history.last - first - FIRST_BURST) / (self._pace() - self._packets_per_second)

    def replay(self, outgoing: OutgoingTrack, now: float) -> bool:
        """Put *outgoing* back to the beginning of the cached group; False where that does not help it, or not yet.

        Its numbers and timestamps go on from the last ones that it was sent, on an RTP stream of its own: it may have seen those
        of the group already, and what is older than what it has is dropped by SRTP and by jitter buffers.
        """
        rtp_stream, first = outgoing.rtp_stream, self._history.group
        if rtp_stream is None or first is None or not self._keyframes.ignored(now):
            return False
        idle = now - outgoing.restarted
        if idle < (outgoing.replay_after if outgoing.replayed else UNDERWAY):
            return False
        if outgoing.replayed:
            outgoing.replay_after = REPLAY_AFTER if idle > MAX_REPLAY_AFTER else 2 * outgoing.replay_after
        outgoing.replayed += 1
        last = max(self._sent, outgoing.cursor - 1) if outgoing.live else outgoing.cursor - 1
        ahead = self._packets_ahead(first)
        outgoing.requested.clear()
        if outgoing not in self._waiting:
            self._waiting.append(outgoing)
        self._leave(outgoing, rtp_stream)
        self._start(outgoing, first, ahead, now)
        head = self._history.get(first)
        span = 0
        if head is not None:
            _index, timestamp, _marker, _payload, _extensions, _arrived = head
            span = self._numbering.last_ts - timestamp & 0xFFFFFFFF
        destination = outgoing.destination
        destination.shift += int(span / destination.squeeze) + self._numbering.clock_rate // GAP
        destination.begin(first, destination.rollover)
        base = rtp_stream.base + last + 1 - outgoing.cursor
        outgoing.rtp_stream = self._rtp_stream_with(outgoing.parameters, base, destination.shift)
        return True

    def _pace(self) -> float:
        return max(PACE, CATCH_UP * self._packets_per_second)

    def _advance(self, outgoing: OutgoingTrack, now: float, elapsed: float) -> int:
        history = self._history
        outgoing.allowance = min(outgoing.allowance + elapsed * self._pace(), 2.0 * FIRST_BURST)
        batch: list[Packet] = []
        room = int(outgoing.allowance)
        while outgoing.cursor <= history.last and len(batch) < room:
            packet = outgoing.ahead.get(outgoing.cursor) or history.get(outgoing.cursor)
            if packet is not None:
                batch.append(packet)
            outgoing.cursor += 1
        if not batch or outgoing.rtp_stream is None:
            return 0
        outgoing.allowance -= len(batch)
        if outgoing.began is None:
            outgoing.began = now
        self._stats.cached_packets += len(batch)
        times = [outgoing.timestamp(packet) for packet in batch]
        return outgoing.rtp_stream.send_alone(outgoing.destination, batch, times, self._udp, self._stats)

    def _rtp_stream_from(self, parameters: RtpParameters, first: int) -> OutgoingRtpStream:
        """The RTP stream of *parameters* on which index *first* is not just before a wrap of the sequence number."""
        base = 0 if first & 0xFFFF < 0x10000 - DANGER else 0x8000
        return self._rtp_stream_with(parameters, base, 0)

    def _rtp_stream_with(self, parameters: RtpParameters, base: int, shift: int) -> OutgoingRtpStream:
        rtp_stream = self._rtp_streams.get((parameters, base, shift))
        if rtp_stream is None:
            rtp_stream = self._rtp_streams[parameters, base, shift] = OutgoingRtpStream(parameters, base, shift)
        return rtp_stream

    def last_sent(self, outgoing: OutgoingTrack) -> int:
        """The highest index of the track that *outgoing* was sent."""
        return self._numbering.last if outgoing.live else outgoing.cursor - 1

    def find(self, outgoing: OutgoingTrack, sequence: int) -> Packet | None:
        """The packet that *outgoing* was sent as *sequence*; None if it was not, or the packet is not kept any more."""
        if outgoing.rtp_stream is None:
            return None
        base = outgoing.rtp_stream.base
        last = self.last_sent(outgoing)
        index = extend(sequence, last + base) - base
        oldest = max(min((outgoing.destination.first, *outgoing.ahead)), last - REPEATABLE)
        return (outgoing.ahead.get(index) or self._history.get(index)) if oldest <= index <= last else None
