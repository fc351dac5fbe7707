"""One kind of media of one stream: whoever publishes it now, numbered on and kept for all who watch.

A packet of the publisher gets its place in one numbering over all publishers, is kept in the history, and waits in a burst until
its frame is whole; then it goes to the viewers (`sfu.media.track_viewers`).
"""

from typing import Final

from sfu.media.feedback.keyframe_requests import KeyframeRequests
from sfu.media.history import History, Packet
from sfu.media.numbering import Numbering
from sfu.media.start_points import StartPoints
from sfu.media.track_viewers import TrackViewers
from sfu.negotiation import Codec, Kind
from sfu.stats import PlaneStats
from sfu.transport.udp import UdpSocket
from sfu.wire.bitstream.parameter_sets import ParameterSets
from sfu.wire.rtp import Extensions

WHOLE: Final = 32
"""Packets that are sent without waiting for the end of their frame."""
WAIT: Final = 0.001
"""Seconds that the begin of a frame waits for the rest of it: one message a viewer and frame instead of one a packet is
what makes a packet cost 2 us and not 6."""


class ForwardedTrack:
    """The audio or the video of one stream, from its publisher to all its viewers.

    It outlives its publishers: *first_index* and *first_timestamp* begin a numbering that goes on over all of them.
    """

    def __init__(
        self, kind: Kind, codec: Codec, udp: UdpSocket, stats: PlaneStats, *, first_index: int, first_timestamp: int
    ) -> None:
        self.kind = kind
        self.codec = codec
        self.profile_level: str | None = None
        """H264: the profile-level-id that the SPS says, in hexadecimal digits."""
        self.history = History()
        self.keyframes = KeyframeRequests()
        self.reference: tuple[float, int] | None = None
        """(our monotonic clock, viewers' timestamp) of one instant; those of a publisher's tracks are of the same one."""
        self.last_keyframe: float | None = None
        """When the first packet of the newest whole keyframe came."""
        self._stats = stats
        self._numbering = Numbering(
            first_index=first_index, first_timestamp=first_timestamp, clock_rate=codec.clock_rate
        )
        self.start_points = StartPoints(codec, self.history)
        self.viewers = TrackViewers(
            kind,
            self.history,
            self._numbering,
            self.keyframes,
            udp,
            stats,
            packets_ahead=self._packets_ahead,
        )
        self._complete = False
        """The source's first picture brings its parameter sets, so nobody needs them before it."""
        self._burst: list[Packet] = []
        """Packets that are kept and not sent yet."""
        self._whole = False
        """The burst is a whole frame, or as much as is sent at once."""

    # -- from the publisher ------------------------------------------------------------------------------------------

    def new_source(self, codec: Codec, sets: ParameterSets | None = None, *, complete: bool = False) -> None:
        """Number on with another publisher, or with another SSRC of the same; *sets* are its known parameter sets.

        *complete*: its first picture brings them, so that nobody needs them before it.
        """
        self._complete = complete
        self._numbering.new_source(codec.clock_rate)
        if codec.name != self.codec.name or codec.clock_rate != self.codec.clock_rate:
            self.profile_level = None
        if codec.clock_rate != self.codec.clock_rate:
            self.reference = None  # else it holds on, as timestamps go on by the clock, until more is known
        self.codec = codec
        self.start_points.flush(self._keep)
        self.start_points = StartPoints(codec, self.history, sets)
        self.history.clear()
        self.keyframes.new_source()

    def push(self, number: int, timestamp: int, marker: int, payload: bytes, exts: Extensions, now: float) -> None:
        """Take a packet by its extended *number* (`IncomingRtpStream.packet`); it is sent with the next `flush()`."""
        if not payload and self._numbering.skip(number, now):
            return
        fresh = self._numbering.fresh
        leading = self._leading_sets() if fresh else []
        self._numbering.reserve(len(leading))
        placed = self._numbering.map(number, timestamp, now)
        if placed is None:
            return
        index, out_ts = placed
        if fresh:
            self.history.forgotten = index - 1 - len(leading)
            for n, unit in enumerate(leading, index - len(leading)):
                self._keep((n, out_ts, 0, unit, (), now))
        packet = (index, out_ts, marker, payload, exts, now)
        if self.kind != "video":
            self._keep(packet)
        elif self.start_points.add(packet, self._keep):
            self._begin_group(now)

    def _leading_sets(self) -> list[bytes]:
        """Parameter sets that those who watch already are sent before a source's first packet."""
        return [] if self._complete or self.history.last < 0 else self.start_points.leading_sets(self._numbering.last)

    def _begin_group(self, now: float) -> None:
        keyframe = self.start_points.new_keyframe(now)
        if keyframe is not None:
            self.profile_level = self.start_points.profile_level or self.profile_level
            self.history.begin_group(keyframe.low, weak=keyframe.weak)
            self.keyframes.arrived(now, keyframe.since)
            self.last_keyframe = keyframe.since
            self._stats.keyframes += 1

    def _keep(self, packet: Packet) -> bool:
        if not self.history.add(packet):
            return False
        _index, _timestamp, marker, _payload, _extensions, _arrived = packet
        self._burst.append(packet)
        if marker or len(self._burst) >= WHOLE or self.kind == "audio":
            self._whole = True
        return True

    def align(self, now: float, timestamp: int) -> None:
        """Note that the publisher's *timestamp* is the one of *now*, for sender reports to viewers."""
        self.reference = (now, (timestamp + self._numbering.ts_offset) & 0xFFFFFFFF)

    def _packets_ahead(self, first: int) -> dict[int, Packet]:
        """What a viewer who begins at index *first* needs before it; of the source that is forwarded now."""
        return self.start_points.packets_ahead(first)

    # -- to the viewers ----------------------------------------------------------------------------------------------

    def ready(self, now: float) -> bool:
        """Whether what was pushed is to be sent now: a whole frame, or a piece that has waited long enough."""
        if self._whole or not self._burst:
            return True
        _index, _timestamp, _marker, _payload, _extensions, arrived = self._burst[0]
        return now - arrived >= WAIT

    def flush(self, now: float) -> int:
        """Send what was pushed; returns the bytes of UDP payload that the kernel took."""
        if not self._burst:
            return 0
        sent = self._forward()
        if self.viewers.joining:
            sent += self.viewers.step(now, 0.0)
        return sent

    def _forward(self) -> int:
        burst = self._burst
        if not burst:
            return 0
        self._burst = []
        self._whole = False
        return self.viewers.forward(burst)

    @property
    def joining(self) -> bool:
        """Whether a viewer waits for a keyframe or catches up, so that `step` is to be called."""
        return self.viewers.joining

    def step(self, now: float, elapsed: float) -> int:
        """Begin with the viewers who wait, go on with those who catch up for *elapsed* seconds; the bytes sent."""
        # Whoever becomes live here has been sent what waits: it would come twice, and as another packet with the same number.
        return self._forward() + self.viewers.step(now, elapsed)

    def tick(self, now: float) -> None:
        """Measure the packet rate, and look whether a keyframe has become whole by waiting; called once a second."""
        self.viewers.measure(now)
        self._begin_group(now)
        age = self.history.group_age(now) if self.kind == "video" else None
        if age is not None and age > 1.0 and not self.keyframes.tried:
            # Once, so that the first viewer who comes late finds out at no cost whether the source answers requests.
            self.keyframes.ask()
