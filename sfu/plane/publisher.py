"""A publisher's session: takes its packets apart by track, and tells it what is missing.

Who sends more than the grant allows is warned, dropped above twice of it, and ended by the plane in the end.
"""

from typing import Any, Final, Literal

from sfu.layers import Layer, layers_of
from sfu.media.demultiplexer import Demultiplexer
from sfu.media.feedback.bitrate import BitrateLimit
from sfu.media.feedback.transport_cc import Arrivals
from sfu.media.incoming_rtp_stream import IncomingRtpStream
from sfu.media.incoming_section import IncomingSection
from sfu.media.lipsync import LipSync
from sfu.media.start_buffer import NumberedPacket
from sfu.media.track import ForwardedTrack
from sfu.negotiation import TRANSPORT_CC
from sfu.plane.session import MediaSession, SessionStart
from sfu.stats import PlaneStats
from sfu.wire import rtcp
from sfu.wire.rtp import Header, find_extension, parse
from shared.problems import Problem, explained

OUR_SSRC: Final = 1


class Publisher(MediaSession):
    """A publisher's session: takes its packets, and asks it for what is missing."""

    action: Literal["publish", "play"] = "publish"

    def __init__(self, beginning: SessionStart, tracks: dict[str, ForwardedTrack], stats: PlaneStats) -> None:
        super().__init__(beginning, stats)
        self.sections = [
            IncomingSection(media, tracks[media.kind]) for media in self.negotiated.media if media.kind in tracks
        ]
        self.ssrcs = Demultiplexer(self.sections)
        self.limit = BitrateLimit(self.claims.max_kbps)
        # One id for all sections: they share a transport (RFC 9143, section 7.1.1.1).
        self._transport_cc_id = next(
            (section.media.extensions[TRANSPORT_CC] for section in self.sections if section.media.transport_cc), 0
        )
        self._arrivals = Arrivals() if self._transport_cc_id else None
        self.first_packet_at: float | None = None
        self.received = 0
        self._unmetered = 0
        """Bytes that came since they were metered last."""
        self.noticed: tuple[bool, tuple[Problem, ...]] = (False, ())
        """Whether it is silent, and its problems, when they were looked at last."""
        self._rate = (self.began, 0)
        self._lips = LipSync()

    # -- in ----------------------------------------------------------------------------------------------------------

    def rtp(self, data: bytes, now: float, waited: float = 0.0) -> ForwardedTrack | None:
        """Take an SRTP packet that *waited* in the kernel; the track that has something to send now."""
        packet = self._open(data, now)
        header = parse(packet) if packet is not None else None
        if packet is None or header is None:
            return None
        marker, _payload_type, _sequence, timestamp, _ssrc, extension, extension_end, end = header
        if extension and self._arrivals is not None:
            # Whatever the packet is: padding and repairs are probes of the path, too.
            counted = find_extension(packet, extension, extension_end, self._transport_cc_id)
            if len(counted) == 2:
                self._arrivals.record(counted[0] << 8 | counted[1], now - waited)
        placed = self.ssrcs.place(packet, header, now)
        if placed is None:
            self._stats.dropped_rtp += end > extension_end  # nothing but padding is a probe of the path, and no loss
            return None
        section, incoming, sequence, start, repaired = placed
        track, payload = section.track, packet[start:end]
        number = incoming.packet(sequence, timestamp, len(payload), now, repaired=repaired)
        if number is None:
            return None
        if incoming.torn:
            self._torn(section, incoming)
        if self.first_packet_at is None:
            self.first_packet_at = now
            self._stats.publish_first_packet.observe(now - self.began)
        if section.layered:
            section.inspect(incoming, payload)
        if section.active is not incoming or number < 0:
            return self._aside(section, incoming, number, packet, header, payload, now)
        exts = section.forwardable(packet, extension, extension_end) if extension and section.passed else ()
        payload = section.without_b_frame(incoming.ssrc, number, timestamp, payload)
        track.push(number, timestamp, marker, payload, exts, now)
        return track

    def _torn(self, section: IncomingSection, incoming: IncomingRtpStream) -> None:
        """Ask for a keyframe of what is forwarded, because more was lost than can be repaired."""
        if incoming.take_torn() and section.active is incoming:
            section.track.keyframes.ask()

    def _aside(
        self,
        section: IncomingSection,
        incoming: IncomingRtpStream,
        number: int,
        packet: bytes,
        header: Header,
        payload: bytes,
        now: float,
    ) -> ForwardedTrack | None:
        """Take a packet that is not the next one of what is forwarded; the track where forwarding begins with it."""
        if number >= 0 and not section.wants(incoming, self.ssrcs.layers, now):
            return None
        marker, _payload_type, _sequence, timestamp, _ssrc, extension, extension_end, _end = header
        exts = section.forwardable(packet, extension, extension_end) if extension and section.passed else ()
        taken = (~number if number < 0 else number, timestamp, marker, payload, exts)
        if number < 0 and not incoming.restarted:
            section.keep_doubted(incoming, taken, now)
            return None
        return section.track if self._begin(section, section.buffer(incoming, taken, now), now) else None

    def _begin(self, section: IncomingSection, packets: list[NumberedPacket], now: float) -> bool:
        """Forward what a section begins with, if it does."""
        incoming = section.active
        if not packets or incoming is None:
            return False
        for number, timestamp, marker, payload, exts in packets:
            ordered = section.without_b_frame(incoming.ssrc, number, timestamp, payload)
            section.track.push(number, timestamp, marker, ordered, exts, now)
        kind = section.media.kind
        # *timestamp* is the last packet's here, for the case that no packet came since the last look.
        at, timestamp = incoming.take_earliest() or (now, timestamp)
        self._lips.begin(kind, incoming.clock_rate, at, timestamp)
        if incoming.reference is not None:
            self._lips.reported(kind, *incoming.reference, incoming.report_at)
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
        self._unmetered += size
        self._stats.received_packets += 1
        self._stats.received_bytes += size
        return packet

    def _feedback(self, kind: int, count: int, body: bytes, now: float, _wall: float) -> None:
        if kind == rtcp.SR and (info := rtcp.sender_info(body)) is not None:
            self._sender_report(info, now)
        elif kind == rtcp.BYE:
            for ssrc in rtcp.leaving(count, body):
                self.ssrcs.leave(ssrc, now)

    def _sender_report(self, info: tuple[int, int, int, int, int], now: float) -> None:
        ssrc, ntp, timestamp, packets, _octets = info
        known = self.ssrcs.find(ssrc)
        if known is None:
            return
        section, incoming = known
        if not incoming.sender_report(ntp, timestamp, packets, now):
            return
        if incoming.reference is not None and section.active is incoming:
            self._lips.reported(section.media.kind, *incoming.reference, now)

    def _align(self, now: float) -> None:
        """Once a second, for all tracks at the same instant: tell each which of its timestamps belongs to now."""
        sent = [(section, section.active) for section in self.sections if section.active is not None]
        for section, incoming in sent:
            if (earliest := incoming.take_earliest()) is not None:
                self._lips.arrived(section.media.kind, *earliest)
        for section, _ in sent:
            if (timestamp := self._lips.timestamp(section.media.kind, now)) is not None:
                section.track.align(now, timestamp)

    # -- out -----------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> list[ForwardedTrack]:
        """Ask for what is missing, every few milliseconds; the tracks on which forwarding began."""
        if not self.peer.secure:
            return []
        begun = [section.track for section in self.sections if self._begin(section, section.begin_settled(now), now)]
        for section in self.sections:
            for incoming in (section.active, section.next):
                if incoming is None:
                    continue
                if incoming.missing and section.media.nack and (wanted := incoming.wanted(now)):
                    self._stats.nacks_sent += len(wanted)
                    # Alone, not compound: FFmpeg ignores a NACK that comes with anything else.
                    self.peer.send_rtcp(rtcp.nack(OUR_SSRC, incoming.ssrc, wanted))
            if section.active is not None and section.track.keyframes.pending and section.track.keyframes.due(now):
                self._ask_keyframe(section, section.active.ssrc)
            if section.next is not None and section.layer_requests.due(now) and section.media.kind == "video":
                self._ask_keyframe(section, section.next.ssrc)
        if self._arrivals is not None and self._arrivals.due(now):
            self._tell_arrivals(self._arrivals)
        if self.limit.due(now):
            self._remb()
        return begun

    def _ask_keyframe(self, section: IncomingSection, ssrc: int) -> None:
        self._stats.keyframe_requests_sent += 1
        if section.media.pli or not section.media.fir:
            self.peer.send_rtcp(rtcp.picture_loss(OUR_SSRC, ssrc))
        else:
            section.intra_requests += 1
            self.peer.send_rtcp(rtcp.full_intra_request(OUR_SSRC, ssrc, section.intra_requests))

    def _tell_arrivals(self, arrivals: Arrivals) -> None:
        media = self.sections[0].media
        about = next((section.active.ssrc for section in self.sections if section.active is not None), 0)
        head = b"" if media.reduced_size else rtcp.receiver_report(OUR_SSRC, ())
        for report in arrivals.feedback(OUR_SSRC, about):
            self.peer.send_rtcp(head + report)

    def _remb(self) -> None:
        """Tell the sender its limit (REMB). A sender with transport-wide feedback finds its own rate, and is told only as a warning."""
        ssrcs = [
            section.active.ssrc
            for section in self.sections
            if section.active is not None and (section.media.remb or (section.media.transport_cc and self.limit.warned))
        ]
        if ssrcs:
            self.peer.send_rtcp(
                rtcp.receiver_report(OUR_SSRC, ()) + rtcp.maximum_bitrate(OUR_SSRC, self.limit.bitrate, ssrcs)
            )

    def report(self, now: float) -> None:
        """Send the receiver report, which is due once a second."""
        at, before = self._rate
        if now > at:
            self.kbps = int((self.received - before) * 8 / (now - at) / 1000)
        self._rate = (now, self.received)
        self.limit.judge(self.received, now)
        if not self.peer.secure:
            return
        self._align(now)
        for section in self.sections:
            section.measure_layers(self.ssrcs.layers(section), now)
            self._first_keyframe(section)
        blocks = []
        for block, missed in self.ssrcs.blocks(now):
            self._stats.publisher_lost_packets += max(0, missed)
            blocks.append(block)
        blocks = blocks[:31]
        if blocks:
            self.peer.send_rtcp(rtcp.receiver_report(OUR_SSRC, blocks) + rtcp.description([OUR_SSRC], "sluice"))

    def _first_keyframe(self, section: IncomingSection) -> float | None:
        """When the first keyframe of this session came, to the second: looked at once a second, and when somebody asks."""
        last = section.track.last_keyframe
        if section.first_keyframe_at is None and last is not None and last >= self.began:
            section.first_keyframe_at = last
        return section.first_keyframe_at

    @property
    def broken(self) -> bool:
        """Whether viewers cannot decode what comes, whatever is done with it: the session is to end as `b_frames`."""
        return any(section.b_frames is not None and section.b_frames.broken for section in self.sections)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What the owner should mend in the encoder."""
        found = any(section.b_frames is not None and section.b_frames.found for section in self.sections)
        return (Problem.B_FRAMES,) if found else ()

    def farewell(self) -> bytes | None:
        """Our BYE to the publisher (RFC 3550, section 6.6)."""
        return rtcp.receiver_report(OUR_SSRC, ()) + rtcp.bye([OUR_SSRC])

    def take_unmetered(self) -> int:
        """Bytes since this was asked last, for the meter."""
        size, self._unmetered = self._unmetered, 0
        return size

    def totals(self) -> tuple[int, int]:
        """Media bytes received and sent."""
        return self.received, 0

    def state(self, now: float) -> dict[str, Any]:
        """What every session tells, its bitrate against its limit, and what is wrong with what it sends."""
        limit = self.limit
        bitrate = {
            "kbps": self.kbps,
            "limit_kbps": limit.limit // 1000 if limit.enforced else None,
            "over_limit": limit.warned,
        }
        return {**super().state(now), "bitrate": bitrate, "problems": explained(self.problems)}

    def layers(self) -> tuple[Layer, ...]:
        """The layers of the picture, where there are several."""
        for section in self.sections:
            if section.media.kind == "video":
                return layers_of(section.media.rids, section.layer_states(self.ssrcs.layers(section)))
        return ()

    def media_state(self, now: float) -> list[dict[str, Any]]:
        """Each section of the offer as its media arrives, and what was forwarded and asked for of it."""
        return [self._state_of(section, now) for section in self.sections]

    def _state_of(self, section: IncomingSection, now: float) -> dict[str, Any]:
        active, track = section.active, section.track
        return {
            **self._section_state(
                section.media, track.profile_level, self.first_packet_at, self._first_keyframe(section)
            ),
            "ssrc": active.ssrc if active else None,
            "layers": section.layer_states(self.ssrcs.layers(section)),
            "packets": active.received if active else 0,
            "lost": active.lost if active else 0,
            "loss": round(active.fraction, 4) if active else 0.0,
            "last_packet_ms": round((now - active.at) * 1000) if active else None,
            "keyframe_ms": None if track.last_keyframe is None else round((now - track.last_keyframe) * 1000),
            "keyframe_requests": track.keyframes.sent,
            "group_cached": track.history.group is not None,
        }
