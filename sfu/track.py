"""One kind of media of one stream, from whoever publishes it now to all who watch: numbering, history, lanes, joins.

A new viewer of video begins at the cached group of pictures and catches up faster than real time, paced; one of audio
begins live. Where there is no group to begin with, it waits for the next keyframe. Everything goes through one step: a
cursor runs over the history until it reaches the end, and then the viewer is live.

Invariant: whoever is live got every index since its first one that the history had when it passed.
"""

from typing import Final

from sfu.continuity import Continuity
from sfu.feedback import KeyframeRequests
from sfu.forwarding import Lane, Profile
from sfu.history import History, Packet
from sfu.keyframes import begins_keyframe, h264_profile_level
from sfu.negotiation import Codec, Kind
from sfu.rtp import Extensions, extend
from sfu.sending import Subscriber
from sfu.srtp import REPEATABLE, Protection
from sfu.stats import PlaneStats
from sfu.udp import Address, UdpSocket

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


class Follower:
    """One viewer of one track."""

    __slots__ = (
        "allowance",
        "began",
        "cursor",
        "join_index",
        "join_ts",
        "lane",
        "live",
        "profile",
        "repair_index",
        "requested",
        "since",
        "squeeze",
        "subscriber",
    )

    def __init__(self, address: Address, protection: Protection, profile: Profile, now: float) -> None:
        self.profile = profile
        self.since = now
        self.subscriber = Subscriber(address, protection)
        self.lane: Lane | None = None
        self.cursor = 0
        self.live = False
        self.join_index = 0
        self.join_ts = 0
        self.squeeze = 1.0
        self.began: float | None = None
        """When its first packet was sent."""
        self.allowance = 0.0
        """Packets that it may be sent now while it catches up."""
        self.repair_index = 0
        """The next number on its RTX stream."""
        self.requested: dict[int, float] = {}
        """Index -> when it was sent again last: a repeated NACK costs no bandwidth."""

    def timestamp(self, packet: Packet) -> int:
        """What this viewer's copy of *packet* says: always the same for the same packet."""
        if packet[0] >= self.join_index:
            return packet[1]
        behind = (self.join_ts - packet[1]) & 0xFFFFFFFF
        if behind >= 0x80000000:
            return packet[1]
        return (self.join_ts - int(behind / self.squeeze)) & 0xFFFFFFFF

    def totals(self) -> tuple[int, int]:
        """Packets and bytes of UDP payload sent."""
        if self.lane is None:
            return self.subscriber.extra_packets, self.subscriber.extra_bytes
        return self.lane.totals(self.subscriber)


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
        self._lanes: dict[tuple[Profile, int], Lane] = {}
        self._burst: list[Packet] = []
        self._whole = False
        self._waiting: list[Follower] = []
        self._frame = (0, -1)
        """(first index, timestamp) of the newest frame."""
        self._rate = (0.0, 0)
        self.packets_per_second = 0.0

    # -- from the publisher ------------------------------------------------------------------------------------------

    def new_source(self, codec: Codec) -> None:
        """Another publisher, or the same with another SSRC, is to be numbered on."""
        self._continuity.new_source(codec.clock_rate)
        if codec.name != self.codec.name or codec.clock_rate != self.codec.clock_rate:
            self.profile_level = None
        if codec.clock_rate != self.codec.clock_rate:
            self.reference = None  # else it holds on, as timestamps go on by the clock, until more is known
        self.codec = codec
        self.history.clear()
        self.keyframes.new_source()

    def push(self, number: int, timestamp: int, marker: int, payload: bytes, exts: Extensions, now: float) -> None:
        """Take a packet by its extended *number* (`Reception.packet`); it is sent with the next `flush()`."""
        if not payload and self._continuity.skip(number, now):
            return
        placed = self._continuity.map(number, timestamp, now)
        if placed is None:
            return
        index, out_ts = placed
        packet = (index, out_ts, marker, payload, exts, now)
        if not self.history.add(packet):
            return
        self._burst.append(packet)
        if marker or len(self._burst) >= WHOLE or self.kind == "audio":
            self._whole = True
        if self.kind == "video":
            self._video(index, out_ts, payload, now)

    def _video(self, index: int, timestamp: int, payload: bytes, now: float) -> None:
        first, of = self._frame
        if timestamp != of:
            if index < first:  # a late packet of an older frame
                return
            self._frame = (index, timestamp)
            first = index
        elif index < first:
            self._frame = (index, timestamp)
            first = index
        if not begins_keyframe(self.codec.name, payload):
            return
        if self.history.group != first:
            self.history.begin_group(first)
            self.keyframes.arrived(now)
            self.last_keyframe = now
            self._stats.keyframes += 1
        if self.codec.name == "H264" and (level := h264_profile_level(payload)):
            self.profile_level = level

    def align(self, now: float, timestamp: int) -> None:
        """The publisher's *timestamp* is of *now*."""
        self.reference = (now, (timestamp + self._continuity.ts_offset) & 0xFFFFFFFF)

    # -- to the viewers ----------------------------------------------------------------------------------------------

    def ready(self, now: float) -> bool:
        """Whether what was pushed is to be sent now: a whole frame, or a piece that has waited long enough."""
        return self._whole or not self._burst or now - self._burst[0][5] >= WAIT

    def flush(self, now: float) -> int:
        """Send what was pushed; the bytes of UDP payload that the kernel took."""
        burst = self._burst
        if not burst:
            return 0
        sent = 0
        for lane in self._lanes.values():
            if lane.aead or lane.plain:
                sent += lane.forward(burst, self._udp, self._stats)
        self._burst = []
        self._whole = False
        if self._waiting:
            sent += self.step(now, 0.0)
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
            lane.leave(follower.subscriber)
            follower.live = False
            if not len(lane) and not any(other.lane is lane for other in self._waiting):
                self._lanes = {key: value for key, value in self._lanes.items() if value is not lane}

    def step(self, now: float, elapsed: float) -> int:
        """Begin those who wait, and go on with those who catch up; the bytes sent."""
        sent = 0
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
            span = age
            sending = (history.last - first - FIRST_BURST) / (self._pace() - self.packets_per_second)
        else:
            first = self._continuity.last + 1
            span = sending = 0.0
        follower.lane = lane = self._lane(follower.profile, first)
        lane.begin(follower.subscriber, first)
        follower.cursor = first
        follower.join_index = history.last + 1
        follower.join_ts = self._continuity.last_ts
        follower.squeeze = max(1.0, span / max(sending, SHORTEST))
        follower.allowance = FIRST_BURST
        return True

    def _pace(self) -> float:
        return max(PACE, CATCH_UP * self.packets_per_second)

    def _advance(self, follower: Follower, now: float, elapsed: float) -> int:
        history = self.history
        follower.allowance = min(follower.allowance + elapsed * self._pace(), 2.0 * FIRST_BURST)
        batch: list[Packet] = []
        room = int(follower.allowance)
        while follower.cursor <= history.last and len(batch) < room:
            packet = history.get(follower.cursor)
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
        lane = self._lanes.get((profile, base))
        if lane is None:
            lane = self._lanes[profile, base] = Lane(profile, base)
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
        oldest = max(follower.subscriber.first, last - REPEATABLE)
        return self.history.get(index) if oldest <= index <= last else None
