"""A publisher's session: takes its packets apart by track, and tells it what is missing.

Who sends more than the grant allows is warned, dropped above twice of it, and in the end left for the plane to end.
"""

from typing import Any, Final, Literal

from sfu.layers import Layer, layers_of
from sfu.media.bitrate import BitrateLimit
from sfu.media.demultiplexer import Demultiplexer
from sfu.media.incoming_rtp_stream import Reception
from sfu.media.incoming_section import Source
from sfu.media.lipsync import LipSync
from sfu.media.start_buffer import Taken
from sfu.media.track import Track
from sfu.media.transportcc import Arrivals
from sfu.negotiation import TRANSPORT_CC
from sfu.plane.session import Beginning, Session
from sfu.stats import PlaneStats
from sfu.wire import rtcp
from sfu.wire.rtp import Header, find_extension, parse
from shared.problems import Problem, told

OUR_SSRC: Final = 1


class Publisher(Session):
    """The session."""

    action: Literal["publish", "play"] = "publish"

    def __init__(self, beginning: Beginning, tracks: dict[str, Track], stats: PlaneStats) -> None:
        super().__init__(beginning, stats)
        self.sources = [Source(media, tracks[media.kind]) for media in self.negotiated.media if media.kind in tracks]
        self.ssrcs = Demultiplexer(self.sources)
        self.limit = BitrateLimit(self.claims.max_kbps)
        # One id for all sections: they share a transport (RFC 9143, section 7.1.1.1).
        self._transport_cc_id = next(
            (source.media.extensions[TRANSPORT_CC] for source in self.sources if source.media.transport_cc), 0
        )
        self._arrivals = Arrivals() if self._transport_cc_id else None
        self.first_packet_at: float | None = None
        self.received = 0
        self.burst_bytes = 0
        """Received since they were metered last."""
        self.noticed: tuple[bool, tuple[Problem, ...]] = (False, ())
        """Whether it is silent, and its problems, when they were looked at last."""
        self.kbps = 0
        self._rate = (self.began, 0)
        self._lips = LipSync()

    # -- in ----------------------------------------------------------------------------------------------------------

    def rtp(self, data: bytes, now: float, waited: float = 0.0) -> Track | None:
        """Take an SRTP packet that *waited* in the kernel; the track that has something to send now."""
        packet = self._open(data, now)
        header = parse(packet) if packet is not None else None
        if packet is None or header is None:
            return None
        extension, end = header[5], header[7]
        if extension and self._arrivals is not None:
            # Whatever the packet is: padding and repairs are probes of the path, too.
            counted = find_extension(packet, extension, header[6], self._transport_cc_id)
            if len(counted) == 2:
                self._arrivals.record(counted[0] << 8 | counted[1], now - waited)
        placed = self.ssrcs.place(packet, header, now)
        if placed is None:
            self._stats.dropped_rtp += end > header[6]  # nothing but padding is a probe of the path, and no loss
            return None
        source, reception, sequence, start, repaired = placed
        track, payload = source.track, packet[start:end]
        number = reception.packet(sequence, header[3], len(payload), now, repaired=repaired)
        if number is None:
            return None
        if reception.torn:
            self._torn(source, reception)
        if self.first_packet_at is None:
            self.first_packet_at = now
            self._stats.publish_first_packet.add(now - self.began)
        if source.layered:
            source.look(reception, payload)
        if source.active is not reception or number < 0:
            return self._aside(source, reception, number, packet, header, payload, now)
        exts = source.forwardable(packet, extension, header[6]) if extension and source.passed else ()
        payload = source.ordered(reception.ssrc, number, header[3], payload)
        track.push(number, header[3], header[0], payload, exts, now)
        return track

    def _torn(self, source: Source, reception: Reception) -> None:
        """More was lost than can be repaired: of what is forwarded, a keyframe is needed."""
        reception.torn = False
        if source.active is reception:
            source.track.keyframes.ask()

    def _aside(
        self,
        source: Source,
        reception: Reception,
        number: int,
        packet: bytes,
        header: Header,
        payload: bytes,
        now: float,
    ) -> Track | None:
        """Take a packet that is not the next one of what is forwarded; the track, where it begins with it."""
        if number >= 0 and not source.wants(reception, self.ssrcs.layers, now):
            return None
        exts = source.forwardable(packet, header[5], header[6]) if header[5] and source.passed else ()
        taken = (~number if number < 0 else number, header[3], header[0], payload, exts)
        if number < 0 and not reception.restarted:
            source.doubt(reception, taken, now)
            return None
        return source.track if self._begin(source, source.aside(reception, taken, now), now) else None

    def _begin(self, source: Source, packets: list[Taken], now: float) -> bool:
        """Forward what a source begins with, if it does."""
        reception = source.active
        if not packets or reception is None:
            return False
        for number, timestamp, marker, payload, exts in packets:
            ordered = source.ordered(reception.ssrc, number, timestamp, payload)
            source.track.push(number, timestamp, marker, ordered, exts, now)
        kind = source.media.kind
        at, timestamp = reception.take_earliest() or (now, packets[-1][1])
        self._lips.begin(kind, reception.clock_rate, at, timestamp)
        if reception.reference is not None:
            self._lips.reported(kind, *reception.reference, reception.report_at)
        return True

    def _open(self, data: bytes, now: float) -> bytes | None:
        """The packet, if it is authentic and within the limit; it counts."""
        limit = self.limit
        if not limit.admits(now):
            self._stats.dropped_above_limit += 1
            return None
        protection = self.peer.protection
        packet = protection.open_rtp(data) if protection is not None else None
        if packet is None:
            self._stats.dropped_rtp += 1
            return None
        size = len(data)
        limit.took(size, now)
        self.peer.last_seen = now
        self.received += size
        self.burst_bytes += size
        self._stats.received_packets += 1
        self._stats.received_bytes += size
        return packet

    def _feedback(self, kind: int, count: int, body: bytes, now: float, wall: float) -> None:
        del wall
        if kind == rtcp.SR and (info := rtcp.sender_info(body)) is not None:
            self._sender_report(info, now)
        elif kind == rtcp.BYE:
            for ssrc in rtcp.leaving(count, body):
                self.ssrcs.leave(ssrc, now)

    def _sender_report(self, info: tuple[int, int, int, int, int], now: float) -> None:
        ssrc, ntp, timestamp, packets, _octets = info
        known = self.ssrcs.find(ssrc)
        if known is None or not known[1].sender_report(ntp, timestamp, packets, now):
            return
        source, reception = known
        if reception.reference is not None and source.active is reception:
            self._lips.reported(source.media.kind, *reception.reference, now)

    def _align(self, now: float) -> None:
        """Once a second, for all tracks at one instant: which of their timestamps is of now."""
        sent = [(source, source.active) for source in self.sources if source.active is not None]
        for source, reception in sent:
            if (earliest := reception.take_earliest()) is not None:
                self._lips.arrived(source.media.kind, *earliest)
        for source, _ in sent:
            if (timestamp := self._lips.timestamp(source.media.kind, now)) is not None:
                source.track.align(now, timestamp)

    # -- out -----------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> list[Track]:
        """Every few milliseconds: ask for what is missing; the tracks on which something began."""
        if not self.peer.secure:
            return []
        begun = [source.track for source in self.sources if self._begin(source, source.settle(now), now)]
        for source in self.sources:
            for reception in (source.active, source.next):
                if reception is None:
                    continue
                if reception.missing and source.media.nack and (wanted := reception.wanted(now)):
                    self._stats.nacks_sent += len(wanted)
                    # Alone, not compound: FFmpeg ignores a NACK that comes with anything else.
                    self.peer.send_rtcp(rtcp.nack(OUR_SSRC, reception.ssrc, wanted))
            if source.active is not None and source.track.keyframes.pending and source.track.keyframes.due(now):
                self._ask_keyframe(source, source.active.ssrc)
            if source.next is not None and source.layer_requests.due(now) and source.media.kind == "video":
                self._ask_keyframe(source, source.next.ssrc)
        if self._arrivals is not None and self._arrivals.due(now):
            self._tell_arrivals(self._arrivals)
        if self.limit.due(now):
            self._remb()
        return begun

    def _ask_keyframe(self, source: Source, ssrc: int) -> None:
        self._stats.keyframe_requests_sent += 1
        if source.media.pli or not source.media.fir:
            self.peer.send_rtcp(rtcp.picture_loss(OUR_SSRC, ssrc))
        else:
            source.intra_requests += 1
            self.peer.send_rtcp(rtcp.full_intra_request(OUR_SSRC, ssrc, source.intra_requests))

    def _tell_arrivals(self, arrivals: Arrivals) -> None:
        media = self.sources[0].media
        about = next((source.active.ssrc for source in self.sources if source.active is not None), 0)
        head = b"" if media.reduced_size else rtcp.receiver_report(OUR_SSRC, ())
        for report in arrivals.feedback(OUR_SSRC, about):
            self.peer.send_rtcp(head + report)

    def _remb(self) -> None:
        """Who has transport-wide feedback finds its own rate, and hears this only as the warning that it is."""
        ssrcs = [
            source.active.ssrc
            for source in self.sources
            if source.active is not None and (source.media.remb or (source.media.transport_cc and self.limit.warned))
        ]
        if ssrcs:
            self.peer.send_rtcp(
                rtcp.receiver_report(OUR_SSRC, ()) + rtcp.maximum_bitrate(OUR_SSRC, self.limit.bitrate, ssrcs)
            )

    def report(self, now: float) -> None:
        """Once a second: the receiver report."""
        at, before = self._rate
        if now > at:
            self.kbps = int((self.received - before) * 8 / (now - at) / 1000)
        self._rate = (now, self.received)
        self.limit.judge(self.received, now)
        if not self.peer.secure:
            return
        self._align(now)
        for source in self.sources:
            source.weigh(self.ssrcs.layers(source), now)
            self._first_keyframe(source)
        blocks = []
        for block, missed in self.ssrcs.blocks(now):
            self._stats.publisher_lost_packets += max(0, missed)
            blocks.append(block)
        blocks = blocks[:31]
        if blocks:
            self.peer.send_rtcp(rtcp.receiver_report(OUR_SSRC, blocks) + rtcp.description([OUR_SSRC], "sluice"))

    def _first_keyframe(self, source: Source) -> float | None:
        """When the first keyframe of this session came, to the second: looked at once a second, and when somebody asks."""
        last = source.track.last_keyframe
        if source.first_keyframe_at is None and last is not None and last >= self.began:
            source.first_keyframe_at = last
        return source.first_keyframe_at

    @property
    def broken(self) -> bool:
        """Whether viewers cannot decode what comes, whatever is done with it: the session is to end as `b_frames`."""
        return any(source.reordering is not None and source.reordering.broken for source in self.sources)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What the owner should mend in the encoder."""
        found = any(source.reordering is not None and source.reordering.found for source in self.sources)
        return (Problem.B_FRAMES,) if found else ()

    def farewell(self) -> bytes | None:
        """Our BYE."""
        return rtcp.receiver_report(OUR_SSRC, ()) + rtcp.bye([OUR_SSRC])

    def totals(self) -> tuple[int, int]:
        """Media bytes received and sent."""
        return self.received, 0

    def state(self, now: float) -> dict[str, Any]:
        """How it is doing against its limit, and what is wrong with what it sends, too."""
        limit = self.limit
        bitrate = {
            "kbps": self.kbps,
            "limit_kbps": limit.limit // 1000 if limit.enforced else None,
            "over_limit": limit.warned,
        }
        return {**super().state(now), "bitrate": bitrate, "problems": told(self.problems)}

    def layers(self) -> tuple[Layer, ...]:
        """The layers of the picture, where there are several."""
        for source in self.sources:
            if source.media.kind == "video":
                return layers_of(source.media.rids, source.layer_states(self.ssrcs.layers(source)))
        return ()

    def media_state(self, now: float) -> list[dict[str, Any]]:
        """Each section as it arrives."""
        states = []
        for source in self.sources:
            active, track = source.active, source.track
            states.append(
                {
                    "mid": source.media.mid,
                    "kind": source.media.kind,
                    "codec": source.media.codec.name,
                    "negotiated": dict(source.media.codec.parameters),
                    "profile_level_id": track.profile_level,
                    "ssrc": active.ssrc if active else None,
                    "layers": source.layer_states(self.ssrcs.layers(source)),
                    "first_packet_after": None
                    if self.first_packet_at is None
                    else round(self.first_packet_at - self.began, 3),
                    "packets": active.received if active else 0,
                    "lost": active.lost if active else 0,
                    "loss": round(active.fraction, 4) if active else 0.0,
                    "last_packet_ms": round((now - active.at) * 1000) if active else None,
                    "first_keyframe_after": None
                    if (first := self._first_keyframe(source)) is None
                    else round(first - self.began, 3),
                    "keyframe_ms": None if track.last_keyframe is None else round((now - track.last_keyframe) * 1000),
                    "keyframe_requests": track.keyframes.sent,
                    "group_cached": track.history.group is not None,
                    "kbps": self.kbps,
                }
            )
        return states
