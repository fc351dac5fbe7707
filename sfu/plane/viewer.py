"""A viewer's session: what it follows, what it asks for again, and what it is told about clocks.

Repairs are answered from the track's history: on the RTX stream where it was negotiated, with the very same packet
otherwise. They are bounded: a share of what the viewer gets anyway, and none twice within a moment. A keyframe that the source
will not make is answered from the cached group, where the viewer may have lost its own: in its first seconds, or after a loss.
"""

from typing import Any, Final, Literal

from sfu.media.outgoing_rtp_stream import RtpParameters
from sfu.media.outgoing_track import OutgoingTrack
from sfu.media.track import ForwardedTrack
from sfu.negotiation import Media
from sfu.plane.session import MediaSession, SessionStart
from sfu.stats import PlaneStats
from sfu.transport.udp import Address, UdpSocket
from sfu.wire import rtcp
from sfu.wire.ntp import compact, to_ntp
from sfu.wire.rtcp import Block
from sfu.wire.rtp import FIXED

AGAIN_AFTER: Final = 0.015
"""Seconds before the same packet is sent again: NACKs are repeated sooner than an answer can arrive."""
REPAIR_BURST: Final = 200
REPAIR_PER_SECOND: Final = 200
"""Packets: 80 % loss of a 2.5 Mbit/s stream. Beyond that a repair is no help and a NACK flood no lever."""

FIRST_SECONDS: Final = 3.0
"""For so long after its first packet a viewer may have missed that: one whose SRTP is ready later than its DTLS loses what comes between."""
HURT_SECONDS: Final = 5.0
"""For so long after a viewer told of a loss, its request for a keyframe says that no repair has mended it."""


class OutgoingSection:
    """One accepted section of a viewer's offer, and what the viewer reported of it."""

    __slots__ = ("hurt_at", "jitter", "loss", "lost", "media", "outgoing", "track")

    def __init__(self, media: Media) -> None:
        self.media = media
        self.track: ForwardedTrack | None = None
        self.outgoing: OutgoingTrack | None = None
        self.hurt_at = float("-inf")
        """When it told of a loss last."""
        self.loss = 0.0
        self.lost = 0
        self.jitter = 0


class Viewer(MediaSession):
    """A viewer's session: what it is sent, what it asks for again, and what it is told about clocks."""

    action: Literal["publish", "play"] = "play"

    def __init__(self, beginning: SessionStart, udp: UdpSocket, stats: PlaneStats) -> None:
        super().__init__(beginning, stats)
        self._udp = udp
        self.sections = [OutgoingSection(media) for media in self.negotiated.media]
        self._repair_allowance = float(REPAIR_BURST)
        self._repair_at = self.began
        self._unmetered = 0
        """Repair bytes since they were metered last."""
        self._sent_before = 0
        self._repair_bytes = 0
        self._shown = False
        """Its first packet was counted."""
        self._pictured = False
        """Its first keyframe was counted."""

    # -- life ----------------------------------------------------------------------------------------------------------

    def follow(self, tracks: dict[str, ForwardedTrack], now: float) -> None:
        """Begin to send what the stream carries, once the peer is connected and as far as that is not done yet."""
        address, protection = self.peer.address, self.peer.protection
        if address is None or protection is None:
            return
        for section in self.sections:
            track = tracks.get(section.media.kind)
            if section.outgoing is not None or track is None or section.media.ssrc is None:
                continue
            parameters = RtpParameters(section.media.payload_type, section.media.ssrc, dict(section.media.extensions))
            section.track = track
            section.outgoing = OutgoingTrack(address, protection, parameters, now)
            track.viewers.follow(section.outgoing)

    def unfollow(self) -> None:
        """Leave every track; totals stay readable."""
        for section in self.sections:
            if section.outgoing is not None and section.track is not None:
                section.track.viewers.unfollow(section.outgoing)

    def moved(self, address: Address) -> None:
        """Send packets to *address* from now on."""
        for section in self.sections:
            if section.outgoing is not None:
                section.outgoing.destination.aim(address)

    # -- feedback ------------------------------------------------------------------------------------------------------

    def _feedback(self, kind: int, count: int, body: bytes, now: float, wall: float) -> None:
        if kind in (rtcp.RR, rtcp.SR):
            for block in rtcp.report_blocks(kind, count, body):
                self._report(block, now, wall)
        elif kind == rtcp.RTPFB and count == rtcp.NACK:
            ssrc, wanted = rtcp.nacked(body)
            self._repair(ssrc, wanted, now)
        elif kind == rtcp.PSFB and count in (rtcp.PLI, rtcp.FIR):
            self._keyframe_wanted(rtcp.keyframe_targets(count, body), now)

    def _section(self, ssrc: int) -> OutgoingSection | None:
        for section in self.sections:
            if section.media.ssrc == ssrc:
                return section
        return None

    def _report(self, block: Block, now: float, wall: float) -> None:
        ssrc, fraction, lost, _highest, jitter, lsr, dlsr = block
        section = self._section(ssrc)
        if section is None:
            return
        # Cumulative, and it may fall when repairs come late: only what is new counts.
        self._stats.viewer_lost_packets += max(0, lost - section.lost)
        if lost > section.lost:
            section.hurt_at = now
        section.loss, section.lost, section.jitter = fraction / 256, lost, jitter
        if lsr:
            trip = (compact(to_ntp(wall)) - lsr - dlsr) & 0xFFFFFFFF
            if trip < 60 << 16:
                self.round_trip = trip / 65536

    def _keyframe_wanted(self, ssrcs: list[int], now: float) -> None:
        for ssrc in ssrcs:
            section = self._section(ssrc)
            if section is None or section.track is None or section.outgoing is None:
                continue
            outgoing = section.outgoing
            # One that catches up has a keyframe on its way already.
            if outgoing.live:
                self._stats.keyframes_requested += 1
                section.track.keyframes.ask()
            began = outgoing.began
            if began is not None and (now - began < FIRST_SECONDS or now - section.hurt_at < HURT_SECONDS):
                section.track.viewers.replay(outgoing, now)

    def _repair(self, ssrc: int, wanted: list[int], now: float) -> None:
        section = self._section(ssrc)
        if section is None or section.track is None or section.outgoing is None:
            return
        self._stats.nacks_received += len(wanted)
        section.hurt_at = now
        outgoing = section.outgoing
        self._repair_allowance = min(
            self._repair_allowance + (now - self._repair_at) * REPAIR_PER_SECOND, float(REPAIR_BURST)
        )
        self._repair_at = now
        for sequence in wanted:
            packet = section.track.viewers.find(outgoing, sequence)
            if packet is None or self._repair_allowance < 1:
                self._stats.retransmission_refused += 1
                continue
            index, _timestamp, marker, payload, _extensions, _arrived = packet
            if now - outgoing.requested.get(index, float("-inf")) < AGAIN_AFTER:
                self._stats.retransmission_refused += 1
                continue
            self._repair_allowance -= 1
            if len(outgoing.requested) > 2 * REPAIR_BURST:
                outgoing.requested = {k: at for k, at in outgoing.requested.items() if now - at < AGAIN_AFTER}
            outgoing.requested[index] = now
            timestamp = outgoing.timestamp(packet)
            self._stats.retransmitted_packets += 1
            if section.media.rtx_ssrc is None or section.media.rtx_payload_type is None:
                if outgoing.rtp_stream is not None:
                    self._unmetered += outgoing.rtp_stream.send_alone(
                        outgoing.destination, [packet], [timestamp], self._udp, self._stats
                    )
            else:
                self._send_repair(section, outgoing, marker, sequence, timestamp, payload)

    def _send_repair(
        self,
        section: OutgoingSection,
        outgoing: OutgoingTrack,
        marker: int,
        sequence: int,
        timestamp: int,
        payload: bytes,
    ) -> None:
        """Send a repair on the RTX stream: with its own SSRC and sequence, and the original number before the payload (RFC 4588, section 4)."""
        protection, address = self.peer.protection, self.peer.address
        rtx_ssrc, rtx_type = section.media.rtx_ssrc, section.media.rtx_payload_type
        if protection is None or address is None or rtx_ssrc is None or rtx_type is None:
            return
        index = outgoing.repair_index
        outgoing.repair_index += 1
        header = FIXED.pack(0x80, marker | rtx_type, index & 0xFFFF, timestamp, rtx_ssrc)
        datagram = protection.seal_rtp(header, sequence.to_bytes(2, "big") + payload, index)
        if self._udp.send(datagram, address):
            self._unmetered += len(datagram)
            self._repair_bytes += len(datagram)
            self._stats.sent_packets += 1
            self._stats.sent_bytes += len(datagram)

    # -- reports -------------------------------------------------------------------------------------------------------

    def report(self, now: float, wall: float, cname: str) -> None:
        """Send what is due once a second: sender reports, by our clock and the viewer's timestamps (RFC 3550, section 6.4.1)."""
        if not self.peer.secure:
            return
        sent = self.totals()[1]
        self.kbps, self._sent_before = (sent - self._sent_before) * 8 // 1000, sent
        if not self._pictured:
            self._count_beginning()
        parts: list[bytes] = []
        ssrcs: list[int] = []
        for section in self.sections:
            if section.outgoing is None or section.track is None or section.media.ssrc is None:
                continue
            reference = section.track.reference
            packets, octets = section.outgoing.totals()
            if reference is None or not packets:
                continue
            at, timestamp_then = reference
            timestamp = timestamp_then + round((now - at) * section.track.codec.clock_rate)
            timestamp += section.outgoing.destination.shift
            payload = max(octets - packets * (12 + section.outgoing.destination.tag), 0)
            parts.append(rtcp.sender_report(section.media.ssrc, to_ntp(wall), timestamp, packets, payload))
            ssrcs.append(section.media.ssrc)
        if parts:
            self.peer.send_rtcp(b"".join(parts) + rtcp.description(ssrcs, cname))

    def _count_beginning(self) -> None:
        """Count once how long it took until something was sent, and until a picture was: video begins with nothing but a keyframe."""
        began = {
            section.media.kind: section.outgoing.began
            for section in self.sections
            if section.outgoing is not None and section.outgoing.began is not None
        }
        if began and not self._shown:
            self._shown = True
            self._stats.play_first_packet.observe(min(began.values()) - self.began)
        if "video" in began:
            self._pictured = True
            self._stats.play_first_keyframe.observe(began["video"] - self.began)

    def farewell(self) -> bytes | None:
        """Our BYE for every stream that we send (RFC 3550, section 6.6)."""
        ssrcs = [
            section.media.ssrc
            for section in self.sections
            if section.media.ssrc is not None and section.outgoing is not None
        ]
        return rtcp.receiver_report(ssrcs[0], ()) + rtcp.bye(ssrcs) if ssrcs else None

    def take_unmetered(self) -> int:
        """Bytes of repairs since this was asked last, for the meter."""
        size, self._unmetered = self._unmetered, 0
        return size

    def totals(self) -> tuple[int, int]:
        """Media bytes received and sent."""
        return 0, self._repair_bytes + sum(
            section.outgoing.totals()[1] for section in self.sections if section.outgoing is not None
        )

    def media_state(self, now: float) -> list[dict[str, Any]]:
        """Each section of the offer as its media is sent, and what the viewer reported of it."""
        return [self._state_of(section, now) for section in self.sections]

    def _state_of(self, section: OutgoingSection, now: float) -> dict[str, Any]:
        outgoing, track = section.outgoing, section.track
        began = None if outgoing is None else outgoing.began
        # Video begins with nothing but a keyframe.
        keyframe_at = began if section.media.kind == "video" else None
        return {
            **self._section_state(section.media, None if track is None else track.profile_level, began, keyframe_at),
            "state": _stage(outgoing),
            "waited_ms": None if outgoing is None or outgoing.rtp_stream else round((now - outgoing.since) * 1000),
            "packets": 0 if outgoing is None else outgoing.totals()[0],
            "loss": round(section.loss, 4),
            "lost": section.lost,
            "jitter": section.jitter,
        }


def _stage(outgoing: OutgoingTrack | None) -> str:
    """How far a viewer is on the way to a running picture, in words."""
    if outgoing is None:
        return "waiting for the connection"
    if outgoing.live:
        return "live"
    return "waiting for a keyframe" if outgoing.rtp_stream is None else "catching up"
