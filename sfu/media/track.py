"""One kind of media of one stream, from whoever publishes it now to all who watch: numbering, history, rtp_streams, joins.

A new viewer of video begins at the cached group of pictures and catches up faster than real time, paced; one of audio
begins live. Where there is no group to begin with, it waits for the next keyframe. Everything goes through one step: a
cursor runs over the history until it reaches the end, and then the viewer is live. Parameter sets that a group lacks go ahead
of it, in the numbers before its first packet, which this viewer gets nothing else with.

Invariant: whoever is live got every index since its first one that the history had when it passed.
"""

from typing import Final

from sfu.media.history import History, Packet
from sfu.media.keyframe_requests import KeyframeRequests
from sfu.media.numbering import Numbering
from sfu.media.outgoing_rtp_stream import OutgoingRtpStream, RtpParameters
from sfu.media.outgoing_track import REPLAY_AFTER, OutgoingTrack
from sfu.media.start_points import StartPoints
from sfu.negotiation import Codec, Kind
from sfu.stats import PlaneStats
from sfu.transport.srtp import REPEATABLE
from sfu.transport.udp import UdpSocket
from sfu.wire.bitstream.parameter_sets import ParameterSets
from sfu.wire.rtp import Extensions, extend

WHOLE: Final = 32
"""Packets that are sent without waiting for the end of their frame."""
WAIT: Final = 0.001
"""Seconds that the begin of a frame waits for the rest of it: one message a viewer and frame instead of one a packet is
what makes a packet cost 2 us and not 6."""

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
counter, and see nothing for ever: it gets a rtp_stream whose numbers are half way round instead."""
FRESH_GROUP: Final = 2.0
"""Where the source answers keyframe requests, a cached group older than this is not replayed: a new one comes sooner."""
PATIENCE: Final = 0.4
"""Seconds after which it is replayed all the same."""
GAP: Final = 60
"""A replayed group's first timestamp is a sixtieth of a second after the last one that was sent before it."""


MAX_REPLAY_AFTER: Final = 64.0
UNDERWAY: Final = 0.1
"""Seconds after a viewer's group began in which its request may have been sent before it came."""


class ForwardedTrack:
    """One kind of media of one stream."""

    def __init__(
        self, kind: Kind, codec: Codec, udp: UdpSocket, stats: PlaneStats, *, first_index: int, first_timestamp: int
    ) -> None:
        self.kind = kind
        self.codec = codec
        self.profile_level: str | None = None
        """H264: what the SPS says."""
        self.history = History()
        self.keyframes = KeyframeRequests()
        self.reference: tuple[float, int] | None = None
        """(our monotonic clock, viewers' timestamp) of one instant; those of a publisher's tracks are of the same one."""
        self.last_keyframe: float | None = None
        self._udp = udp
        self._stats = stats
        self._numbering = Numbering(
            first_index=first_index, first_timestamp=first_timestamp, clock_rate=codec.clock_rate
        )
        self.pictures = StartPoints(codec, self.history)
        self._complete = False
        self._rtp_streams: dict[tuple[RtpParameters, int, int], OutgoingRtpStream] = {}
        self._burst: list[Packet] = []
        self._whole = False
        self._waiting: list[OutgoingTrack] = []
        self._sent = -1
        """The highest index that went out live."""
        self._rate = (0.0, 0)
        self.packets_per_second = 0.0

    # -- from the publisher ------------------------------------------------------------------------------------------

    def new_source(self, codec: Codec, sets: ParameterSets | None = None, *, complete: bool = False) -> None:
        """Another publisher, or the same with another SSRC, is to be numbered on; *sets* are what is known of it already.

        *complete*: its first picture brings them, so that nobody needs them before it.
        """
        self._complete = complete
        self._numbering.new_source(codec.clock_rate)
        if codec.name != self.codec.name or codec.clock_rate != self.codec.clock_rate:
            self.profile_level = None
        if codec.clock_rate != self.codec.clock_rate:
            self.reference = None  # else it holds on, as timestamps go on by the clock, until more is known
        self.codec = codec
        self.pictures.end(self._keep)
        self.pictures = StartPoints(codec, self.history, sets)
        self.history.clear()
        self.keyframes.new_source()

    def push(self, number: int, timestamp: int, marker: int, payload: bytes, exts: Extensions, now: float) -> None:
        """Take a packet by its extended *number* (`IncomingRtpStream.packet`); it is sent with the next `flush()`."""
        if not payload and self._numbering.skip(number, now):
            return
        fresh = self._numbering.fresh
        opening = self._opening() if fresh else []
        self._numbering.reserve(len(opening))
        placed = self._numbering.map(number, timestamp, now)
        if placed is None:
            return
        index, out_ts = placed
        if fresh:
            self.history.forgotten = index - 1 - len(opening)
            for n, unit in enumerate(opening, index - len(opening)):
                self._keep((n, out_ts, 0, unit, (), now))
        packet = (index, out_ts, marker, payload, exts, now)
        if self.kind != "video":
            self._keep(packet)
        elif self.pictures.take(packet, self._keep):
            self._begin_group(now)

    def _opening(self) -> list[bytes]:
        """Parameter sets that a source's first packet is preceded by, for those who watch already."""
        return [] if self._complete or self.history.last < 0 else self.pictures.opening(self._numbering.last)

    def _begin_group(self, now: float) -> None:
        found = self.pictures.begun(now)
        if found is not None:
            self.profile_level = self.pictures.profile_level or self.profile_level
            self.history.begin_group(found.low, weak=found.weak)
            self.keyframes.arrived(now, found.since)
            self.last_keyframe = found.since
            self._stats.keyframes += 1

    def _keep(self, packet: Packet) -> bool:
        if not self.history.add(packet):
            return False
        self._burst.append(packet)
        if packet[2] or len(self._burst) >= WHOLE or self.kind == "audio":
            self._whole = True
        return True

    def align(self, now: float, timestamp: int) -> None:
        """The publisher's *timestamp* is of *now*."""
        self.reference = (now, (timestamp + self._numbering.ts_offset) & 0xFFFFFFFF)

    # -- to the viewers ----------------------------------------------------------------------------------------------

    def ready(self, now: float) -> bool:
        """Whether what was pushed is to be sent now: a whole frame, or a piece that has waited long enough."""
        return self._whole or not self._burst or now - self._burst[0][5] >= WAIT

    def flush(self, now: float) -> int:
        """Send what was pushed; the bytes of UDP payload that the kernel took."""
        if not self._burst:
            return 0
        sent = self._forward()
        if self._waiting:
            sent += self.step(now, 0.0)
        return sent

    def _forward(self) -> int:
        burst = self._burst
        if not burst:
            return 0
        sent = 0
        for rtp_stream in self._rtp_streams.values():
            if rtp_stream.aead or rtp_stream.plain:
                sent += rtp_stream.forward(burst, self._udp, self._stats)
        self._sent = max(self._sent, *(packet[0] for packet in burst))
        self._burst = []
        self._whole = False
        return sent

    @property
    def joining(self) -> bool:
        """Whether somebody waits or catches up."""
        return bool(self._waiting)

    def follow(self, outgoing: OutgoingTrack) -> None:
        """A viewer wants this track; it is served from the next `step()` on."""
        self._waiting.append(outgoing)

    def unfollow(self, outgoing: OutgoingTrack) -> None:
        """A viewer leaves."""
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
        """Begin those who wait, and go on with those who catch up; the bytes sent."""
        # Whoever becomes live here has been sent what waits: it would come twice, and as another packet with the same number.
        sent = self._forward()
        for outgoing in list(self._waiting):
            if outgoing.rtp_stream is None and not self._begin(outgoing, now):
                continue
            sent += self._advance(outgoing, now, elapsed)
            if outgoing.cursor > self.history.last:
                self._waiting.remove(outgoing)
                outgoing.live = True
                if outgoing.began is None:
                    outgoing.began = now  # sound begins with the next packet of all
                if outgoing.rtp_stream is not None:
                    outgoing.rtp_stream.join(outgoing.destination)
        return sent

    def tick(self, now: float) -> None:
        """Once a second: measure the packet rate."""
        at, count = self._rate
        total = self._numbering.last
        if at and now > at:
            self.packets_per_second = (total - count) / (now - at)
        self._rate = (now, total)
        self._begin_group(now)
        age = self.history.group_age(now) if self.kind == "video" else None
        if age is not None and age > 1.0 and not self.keyframes.tried:
            # Once, so that the first viewer who comes late finds out at no cost whether the source answers requests.
            self.keyframes.ask()

    def _begin(self, outgoing: OutgoingTrack, now: float) -> bool:
        history = self.history
        if self.kind == "video":
            age = history.group_age(now)
            if age is None or history.group is None:
                self.keyframes.ask()
                return False
            if self.keyframes.responsive and age > FRESH_GROUP and now - outgoing.since < PATIENCE:
                self.keyframes.ask()
                return False
            first = history.group
            ahead = self.pictures.ahead(first)
        else:
            first = self._numbering.last + 1
            ahead = {}
        before = sum(1 for index in ahead if index < first)
        outgoing.rtp_stream = rtp_stream = self._rtp_stream(outgoing.parameters, first - before)
        rtp_stream.begin(outgoing.destination, first, before)
        self._start(outgoing, first, ahead, now)
        return True

    def _start(self, outgoing: OutgoingTrack, first: int, ahead: dict[int, Packet], now: float) -> None:
        """*outgoing* catches up from *first*, and gets what is *ahead* instead of what is there, or before it."""
        destination = outgoing.destination
        span = (self.history.group_age(now) or 0.0) if self.kind == "video" else 0.0
        outgoing.cursor = min((first, *ahead))
        outgoing.ahead = ahead
        outgoing.allowance = FIRST_BURST
        outgoing.restarted = now
        destination.join_index = self.history.last + 1
        destination.join_ts = self._numbering.last_ts
        destination.squeeze = max(1.0, span / max(self._sending(first), SHORTEST))

    def _sending(self, first: int) -> float:
        """Seconds that catching up from *first* takes."""
        return (self.history.last - first - FIRST_BURST) / (self._pace() - self.packets_per_second)

    def replay(self, outgoing: OutgoingTrack, now: float) -> bool:
        """Put *outgoing* back to the beginning of the cached group; False where that does not help it, or not yet.

        Its numbers and timestamps go on from the last ones that it was sent, on a rtp_stream of its own: it may have seen those of
        the group already, and what is older than what it has is dropped by SRTP and by jitter buffers.
        """
        rtp_stream, first = outgoing.rtp_stream, self.history.group
        if rtp_stream is None or first is None or not self.keyframes.ignored(now):
            return False
        idle = now - outgoing.restarted
        if idle < (outgoing.replay_after if outgoing.replayed else UNDERWAY):
            return False
        if outgoing.replayed:
            outgoing.replay_after = REPLAY_AFTER if idle > MAX_REPLAY_AFTER else 2 * outgoing.replay_after
        outgoing.replayed += 1
        last = max(self._sent, outgoing.cursor - 1) if outgoing.live else outgoing.cursor - 1
        ahead = self.pictures.ahead(first)
        outgoing.requested.clear()
        if outgoing not in self._waiting:
            self._waiting.append(outgoing)
        self._leave(outgoing, rtp_stream)
        self._start(outgoing, first, ahead, now)
        head = self.history.get(first)
        span = 0 if head is None else self._numbering.last_ts - head[1] & 0xFFFFFFFF
        destination = outgoing.destination
        destination.shift += int(span / destination.squeeze) + self.codec.clock_rate // GAP
        destination.begin(first, destination.rollover)
        base = rtp_stream.base + last + 1 - outgoing.cursor
        outgoing.rtp_stream = self._rtp_stream_with(outgoing.parameters, base, destination.shift)
        return True

    def _pace(self) -> float:
        return max(PACE, CATCH_UP * self.packets_per_second)

    def _advance(self, outgoing: OutgoingTrack, now: float, elapsed: float) -> int:
        history = self.history
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

    def _rtp_stream(self, parameters: RtpParameters, first: int) -> OutgoingRtpStream:
        """The rtp_stream of *parameters* on which *first* is not just before a wrap of the sequence."""
        base = 0 if first & 0xFFFF < 0x10000 - DANGER else 0x8000
        return self._rtp_stream_with(parameters, base, 0)

    def _rtp_stream_with(self, parameters: RtpParameters, base: int, shift: int) -> OutgoingRtpStream:
        rtp_stream = self._rtp_streams.get((parameters, base, shift))
        if rtp_stream is None:
            rtp_stream = self._rtp_streams[parameters, base, shift] = OutgoingRtpStream(parameters, base, shift)
        return rtp_stream

    def last_sent(self, outgoing: OutgoingTrack) -> int:
        """The highest index that *outgoing* was sent."""
        return self._numbering.last if outgoing.live else outgoing.cursor - 1

    def find(self, outgoing: OutgoingTrack, sequence: int) -> Packet | None:
        """The packet that *outgoing* knows by *sequence*, if it got it and it is still here."""
        if outgoing.rtp_stream is None:
            return None
        base = outgoing.rtp_stream.base
        last = self.last_sent(outgoing)
        index = extend(sequence, last + base) - base
        oldest = max(min((outgoing.destination.first, *outgoing.ahead)), last - REPEATABLE)
        return (outgoing.ahead.get(index) or self.history.get(index)) if oldest <= index <= last else None
