"""One kind of media of one stream, from whoever publishes it now to all who watch: numbering, history, lanes, joins.

A new viewer of video begins at the cached group of pictures and catches up faster than real time, paced; one of audio
begins live. Where there is no group to begin with, it waits for the next keyframe. Everything goes through one step: a
cursor runs over the history until it reaches the end, and then the viewer is live. Parameter sets that a group lacks go ahead
of it, in the numbers before its first packet, which this viewer gets nothing else with.

Invariant: whoever is live got every index since its first one that the history had when it passed.
"""

from typing import Final

from sfu.media.history import History, Packet
from sfu.media.keyframe_requests import KeyframeRequests
from sfu.media.numbering import Continuity
from sfu.media.outgoing_rtp_stream import Lane, Profile
from sfu.media.outgoing_track import REPLAY_AFTER, Follower
from sfu.media.start_points import Pictures
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
counter, and see nothing for ever: it gets a lane whose numbers are half way round instead."""
FRESH_GROUP: Final = 2.0
"""Where the source answers keyframe requests, a cached group older than this is not replayed: a new one comes sooner."""
PATIENCE: Final = 0.4
"""Seconds after which it is replayed all the same."""
GAP: Final = 60
"""A replayed group's first timestamp is a sixtieth of a second after the last one that was sent before it."""


MAX_REPLAY_AFTER: Final = 64.0
UNDERWAY: Final = 0.1
"""Seconds after a viewer's group began in which its request may have been sent before it came."""


class Track:
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
        self._continuity = Continuity(
            first_index=first_index, first_timestamp=first_timestamp, clock_rate=codec.clock_rate
        )
        self.pictures = Pictures(codec, self.history)
        self._complete = False
        self._lanes: dict[tuple[Profile, int, int], Lane] = {}
        self._burst: list[Packet] = []
        self._whole = False
        self._waiting: list[Follower] = []
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
        self._continuity.new_source(codec.clock_rate)
        if codec.name != self.codec.name or codec.clock_rate != self.codec.clock_rate:
            self.profile_level = None
        if codec.clock_rate != self.codec.clock_rate:
            self.reference = None  # else it holds on, as timestamps go on by the clock, until more is known
        self.codec = codec
        self.pictures.end(self._keep)
        self.pictures = Pictures(codec, self.history, sets)
        self.history.clear()
        self.keyframes.new_source()

    def push(self, number: int, timestamp: int, marker: int, payload: bytes, exts: Extensions, now: float) -> None:
        """Take a packet by its extended *number* (`Reception.packet`); it is sent with the next `flush()`."""
        if not payload and self._continuity.skip(number, now):
            return
        fresh = self._continuity.fresh
        opening = self._opening() if fresh else []
        self._continuity.reserve(len(opening))
        placed = self._continuity.map(number, timestamp, now)
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
        return [] if self._complete or self.history.last < 0 else self.pictures.opening(self._continuity.last)

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
        self.reference = (now, (timestamp + self._continuity.ts_offset) & 0xFFFFFFFF)

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
        for lane in self._lanes.values():
            if lane.aead or lane.plain:
                sent += lane.forward(burst, self._udp, self._stats)
        self._sent = max(self._sent, *(packet[0] for packet in burst))
        self._burst = []
        self._whole = False
        return sent

    @property
    def joining(self) -> bool:
        """Whether somebody waits or catches up."""
        return bool(self._waiting)

    def follow(self, follower: Follower) -> None:
        """A viewer wants this track; it is served from the next `step()` on."""
        self._waiting.append(follower)

    def unfollow(self, follower: Follower) -> None:
        """A viewer leaves."""
        if follower in self._waiting:
            self._waiting.remove(follower)
        lane = follower.lane
        if lane is not None:
            self._leave(follower, lane)

    def _leave(self, follower: Follower, lane: Lane) -> None:
        lane.leave(follower.subscriber)
        follower.live = False
        if not len(lane) and not any(other.lane is lane for other in self._waiting if other is not follower):
            self._lanes = {key: value for key, value in self._lanes.items() if value is not lane}

    def step(self, now: float, elapsed: float) -> int:
        """Begin those who wait, and go on with those who catch up; the bytes sent."""
        # Whoever becomes live here has been sent what waits: it would come twice, and as another packet with the same number.
        sent = self._forward()
        for follower in list(self._waiting):
            if follower.lane is None and not self._begin(follower, now):
                continue
            sent += self._advance(follower, now, elapsed)
            if follower.cursor > self.history.last:
                self._waiting.remove(follower)
                follower.live = True
                if follower.began is None:
                    follower.began = now  # sound begins with the next packet of all
                if follower.lane is not None:
                    follower.lane.join(follower.subscriber)
        return sent

    def tick(self, now: float) -> None:
        """Once a second: measure the packet rate."""
        at, count = self._rate
        total = self._continuity.last
        if at and now > at:
            self.packets_per_second = (total - count) / (now - at)
        self._rate = (now, total)
        self._begin_group(now)
        age = self.history.group_age(now) if self.kind == "video" else None
        if age is not None and age > 1.0 and not self.keyframes.tried:
            # Once, so that the first viewer who comes late finds out at no cost whether the source answers requests.
            self.keyframes.ask()

    def _begin(self, follower: Follower, now: float) -> bool:
        history = self.history
        if self.kind == "video":
            age = history.group_age(now)
            if age is None or history.group is None:
                self.keyframes.ask()
                return False
            if self.keyframes.responsive and age > FRESH_GROUP and now - follower.since < PATIENCE:
                self.keyframes.ask()
                return False
            first = history.group
            ahead = self.pictures.ahead(first)
        else:
            first = self._continuity.last + 1
            ahead = {}
        before = sum(1 for index in ahead if index < first)
        follower.lane = lane = self._lane(follower.profile, first - before)
        lane.begin(follower.subscriber, first, before)
        self._start(follower, first, ahead, now)
        return True

    def _start(self, follower: Follower, first: int, ahead: dict[int, Packet], now: float) -> None:
        """*follower* catches up from *first*, and gets what is *ahead* instead of what is there, or before it."""
        subscriber = follower.subscriber
        span = (self.history.group_age(now) or 0.0) if self.kind == "video" else 0.0
        follower.cursor = min((first, *ahead))
        follower.ahead = ahead
        follower.allowance = FIRST_BURST
        follower.restarted = now
        subscriber.join_index = self.history.last + 1
        subscriber.join_ts = self._continuity.last_ts
        subscriber.squeeze = max(1.0, span / max(self._sending(first), SHORTEST))

    def _sending(self, first: int) -> float:
        """Seconds that catching up from *first* takes."""
        return (self.history.last - first - FIRST_BURST) / (self._pace() - self.packets_per_second)

    def replay(self, follower: Follower, now: float) -> bool:
        """Put *follower* back to the beginning of the cached group; False where that does not help it, or not yet.

        Its numbers and timestamps go on from the last ones that it was sent, on a lane of its own: it may have seen those of
        the group already, and what is older than what it has is dropped by SRTP and by jitter buffers.
        """
        lane, first = follower.lane, self.history.group
        if lane is None or first is None or not self.keyframes.ignored(now):
            return False
        idle = now - follower.restarted
        if idle < (follower.replay_after if follower.replayed else UNDERWAY):
            return False
        if follower.replayed:
            follower.replay_after = REPLAY_AFTER if idle > MAX_REPLAY_AFTER else 2 * follower.replay_after
        follower.replayed += 1
        last = max(self._sent, follower.cursor - 1) if follower.live else follower.cursor - 1
        ahead = self.pictures.ahead(first)
        follower.requested.clear()
        if follower not in self._waiting:
            self._waiting.append(follower)
        self._leave(follower, lane)
        self._start(follower, first, ahead, now)
        head = self.history.get(first)
        span = 0 if head is None else self._continuity.last_ts - head[1] & 0xFFFFFFFF
        subscriber = follower.subscriber
        subscriber.shift += int(span / subscriber.squeeze) + self.codec.clock_rate // GAP
        subscriber.begin(first, subscriber.rollover)
        base = lane.base + last + 1 - follower.cursor
        follower.lane = self._lane_of(follower.profile, base, subscriber.shift)
        return True

    def _pace(self) -> float:
        return max(PACE, CATCH_UP * self.packets_per_second)

    def _advance(self, follower: Follower, now: float, elapsed: float) -> int:
        history = self.history
        follower.allowance = min(follower.allowance + elapsed * self._pace(), 2.0 * FIRST_BURST)
        batch: list[Packet] = []
        room = int(follower.allowance)
        while follower.cursor <= history.last and len(batch) < room:
            packet = follower.ahead.get(follower.cursor) or history.get(follower.cursor)
            if packet is not None:
                batch.append(packet)
            follower.cursor += 1
        if not batch or follower.lane is None:
            return 0
        follower.allowance -= len(batch)
        if follower.began is None:
            follower.began = now
        self._stats.cached_packets += len(batch)
        times = [follower.timestamp(packet) for packet in batch]
        return follower.lane.send_alone(follower.subscriber, batch, times, self._udp, self._stats)

    def _lane(self, profile: Profile, first: int) -> Lane:
        """The lane of *profile* on which *first* is not just before a wrap of the sequence."""
        base = 0 if first & 0xFFFF < 0x10000 - DANGER else 0x8000
        return self._lane_of(profile, base, 0)

    def _lane_of(self, profile: Profile, base: int, shift: int) -> Lane:
        lane = self._lanes.get((profile, base, shift))
        if lane is None:
            lane = self._lanes[profile, base, shift] = Lane(profile, base, shift)
        return lane

    def last_sent(self, follower: Follower) -> int:
        """The highest index that *follower* was sent."""
        return self._continuity.last if follower.live else follower.cursor - 1

    def find(self, follower: Follower, sequence: int) -> Packet | None:
        """The packet that *follower* knows by *sequence*, if it got it and it is still here."""
        if follower.lane is None:
            return None
        base = follower.lane.base
        last = self.last_sent(follower)
        index = extend(sequence, last + base) - base
        oldest = max(min((follower.subscriber.first, *follower.ahead)), last - REPEATABLE)
        return (follower.ahead.get(index) or self.history.get(index)) if oldest <= index <= last else None
