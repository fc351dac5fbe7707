"""A publisher's session: takes its packets apart by track, and tells it what is missing.

A packet belongs to a section by its announced SSRC, else by its MID extension, else by its payload type; SSRCs are learned
once and bounded. Header extensions are read by the publisher's ids and handed on by URI. Repairs (RFC 4588) are unwrapped.
"""

from typing import Any, Final, Literal

from sfu import rtcp
from sfu.bitrate import BitrateLimit
from sfu.feedback import KeyframeRequests
from sfu.keyframes import begins_keyframe
from sfu.negotiation import MID, REPAIRED_RID, RID, Media
from sfu.peer import Peer
from sfu.reception import Reception
from sfu.rtp import Extensions, extensions, parse
from sfu.session import Session
from sfu.stats import PlaneStats
from sfu.track import Track
from shared.grants import Claims

OUR_SSRC: Final = 1
MAX_SSRCS: Final = 32
"""Learned SSRCs of one publisher: more is an attack or a fault."""
SWITCH_AFTER: Final = 0.5
"""Seconds of silence of the forwarded SSRC after which another of the same section takes its place."""
NOT_FORWARDED: Final = frozenset({MID, RID, REPAIRED_RID})


class Source:
    """One accepted section of a publisher."""

    def __init__(self, media: Media, track: Track) -> None:
        self.media = media
        self.track = track
        self.uris = {number: uri for uri, number in media.extensions.items()}
        self.passed = {number: uri for number, uri in self.uris.items() if uri not in NOT_FORWARDED}
        self.mid_id = media.extensions.get(MID)
        self.active: Reception | None = None
        """The SSRC that is forwarded; with simulcast, one of several."""
        self.active_at = 0.0
        self.better: Reception | None = None
        """A layer that carries more: it takes over where its next keyframe begins."""
        self._carried: dict[int, int] = {}
        self.first_keyframe_at: float | None = None
        self.intra_requests = 0
        self.layer_requests = KeyframeRequests()

    def weigh(self, layers: list[Reception]) -> None:
        """Once a second: find the layer that carries most, where several come (simulcast)."""
        carried = {layer.ssrc: layer.bytes for layer in layers}
        rates = {ssrc: size - self._carried.get(ssrc, size) for ssrc, size in carried.items()}
        self._carried = carried
        self.better = None
        if self.active is None or len(layers) < 2:
            return
        best = max(layers, key=lambda layer: rates[layer.ssrc])
        # A fifth more, so that two alike do not take turns.
        if best is not self.active and rates[best.ssrc] > 1.2 * rates.get(self.active.ssrc, 0):
            self.better = best

    def forwardable(self, packet: bytes, start: int, end: int) -> Extensions:
        """The header extensions in *packet* that viewers may get, by URI."""
        passed = self.passed
        return tuple((passed[number], value) for number, value in extensions(packet, start, end) if number in passed)


class Publisher(Session):
    """The session."""

    action: Literal["publish", "play"] = "publish"

    def __init__(
        self,
        claims: Claims,
        peer: Peer,
        tracks: dict[str, Track],
        stats: PlaneStats,
        *,
        secret: str,
        etag: str,
        wall: float,
        now: float,
    ) -> None:
        super().__init__(claims, peer, secret=secret, etag=etag, wall=wall, now=now)
        self._stats = stats
        self.sources = [Source(media, tracks[media.kind]) for media in peer.negotiated.media if media.kind in tracks]
        self._by_ssrc: dict[int, tuple[Source, Reception]] = {}
        self._repairs: dict[int, int] = {}
        """Repair SSRC -> primary SSRC; 0: not known, the only primary of the section."""
        for source in self.sources:
            for ssrc in source.media.ssrcs:
                self._learn(ssrc, source)
            self._repairs.update(source.media.rtx_ssrcs)
        self.limit = BitrateLimit(claims.max_kbps)
        self.first_packet_at: float | None = None
        self.received = 0
        self.burst_bytes = 0
        """Received since they were metered last."""
        self.silent = False
        self.kbps = 0
        self._rate = (now, 0)
        self._clock_offset: float | None = None

    # -- in ----------------------------------------------------------------------------------------------------------

    def rtp(self, data: bytes, now: float) -> Track | None:
        """Take an SRTP packet; the track that has something to send now."""
        limit = self.limit
        if not limit.admits(now):
            self._stats.dropped_above_limit += 1
            return None
        protection = self.peer.protection
        packet = protection.open_rtp(data) if protection is not None else None
        header = parse(packet) if packet is not None else None
        if packet is None or header is None:
            self._stats.dropped_rtp += 1
            return None
        self.peer.last_seen = now
        size = len(data)
        limit.took(size, now)
        self.received += size
        self.burst_bytes += size
        self._stats.received_packets += 1
        self._stats.received_bytes += size
        marker, payload_type, sequence, timestamp, ssrc, extension, start, end = header
        repaired = ssrc in self._repairs or self._is_repair(ssrc, payload_type)
        if repaired:
            if end - start < 2:
                return None  # padding: a probe of the available bandwidth
            ssrc = self._primary_of(ssrc, payload_type)
            sequence = packet[start] << 8 | packet[start + 1]
            start += 2
        known = self._by_ssrc.get(ssrc) or self._unknown(ssrc, payload_type, packet, extension, start)
        if known is None or (not repaired and payload_type != known[0].media.payload_type):
            self._stats.dropped_rtp += 1
            return None
        source, reception = known
        if not reception.packet(sequence, timestamp, size, now, repaired=repaired):
            source.track.keyframes.ask()
        if source.active is not reception and not self._activate(source, reception, packet[start:end], now):
            return None
        source.active_at = now
        if self.first_packet_at is None:
            self.first_packet_at = now
        exts = source.forwardable(packet, extension, start) if extension and source.passed else ()
        source.track.push(sequence, timestamp, marker, packet[start:end], exts, now)
        if source.track.reference is None and reception.reference is not None and self._clock_offset is not None:
            # Another layer took over: its clock is known already, its timestamps are mapped only now.
            source.track.sender_report(reception.reference[0] + self._clock_offset, reception.reference[1])
        return source.track

    def rtcp(self, data: bytes, now: float, wall: float) -> None:
        """Take an SRTCP packet."""
        protection = self.peer.protection
        compound = protection.open_rtcp(data) if protection is not None else None
        if compound is None:
            self._stats.dropped_rtcp += 1
            return
        self.peer.last_seen = now
        for kind, _count, body in rtcp.packets(compound):
            if kind == rtcp.SR and (info := rtcp.sender_info(body)) is not None:
                self._sender_report(info, now, wall)

    def _sender_report(self, info: tuple[int, int, int, int, int], now: float, wall: float) -> None:
        ssrc, ntp, timestamp, packets, _octets = info
        known = self._by_ssrc.get(ssrc)
        if known is None or not known[1].sender_report(ntp, timestamp, packets, now):
            return
        source, reception = known
        if reception.reference is None or source.active is not reception:
            return
        # One offset between the clocks for all tracks: that is what keeps sound and picture together.
        if self._clock_offset is None or abs(wall - reception.reference[0] - self._clock_offset) > 1.0:
            self._clock_offset = wall - reception.reference[0]
        source.track.sender_report(reception.reference[0] + self._clock_offset, timestamp)

    # -- demultiplexing ------------------------------------------------------------------------------------------------

    def _learn(self, ssrc: int, source: Source) -> tuple[Source, Reception] | None:
        if len(self._by_ssrc) >= MAX_SSRCS:
            return None
        known = self._by_ssrc[ssrc] = (source, Reception(ssrc, source.media.codec.clock_rate))
        return known

    def _unknown(
        self, ssrc: int, payload_type: int, packet: bytes, extension: int, end: int
    ) -> tuple[Source, Reception] | None:
        if extension:
            for source in self.sources:
                if source.mid_id is None:
                    continue
                for number, value in extensions(packet, extension, end):
                    if number == source.mid_id and value == source.media.mid.encode():
                        return self._learn(ssrc, source)
        for source in self.sources:
            if source.media.payload_type == payload_type:
                return self._learn(ssrc, source)
        return None

    def _is_repair(self, ssrc: int, payload_type: int) -> bool:
        if ssrc in self._by_ssrc:
            return False
        return any(source.media.rtx_payload_type == payload_type for source in self.sources)

    def _primary_of(self, ssrc: int, payload_type: int) -> int:
        primary = self._repairs.get(ssrc)
        if primary is not None:
            return primary
        for source in self.sources:
            if source.media.rtx_payload_type == payload_type and source.active is not None:
                return source.active.ssrc
        return 0

    def _activate(self, source: Source, reception: Reception, payload: bytes, now: float) -> bool:
        """Whether *reception* becomes what is forwarded of *source*: nothing else is alive, or it is the better layer."""
        if source.active is not None:
            better = source.better is reception and begins_keyframe(source.media.codec.name, payload)
            if not better and now - source.active_at < SWITCH_AFTER:
                return False
            source.track.new_source(source.media.codec)
        source.better = None
        source.active = reception
        if source.media.kind == "video":
            source.track.keyframes.ask()
        return True

    # -- out -----------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Every few milliseconds: ask for what is missing."""
        if not self.peer.secure:
            return
        for source in self.sources:
            active = source.active
            if active is None:
                continue
            if active.missing and source.media.nack and (wanted := active.wanted(now)):
                self._stats.nacks_sent += len(wanted)
                # Alone, not compound: FFmpeg ignores a NACK that comes with anything else.
                self.peer.send_rtcp(rtcp.nack(OUR_SSRC, active.ssrc, wanted))
            if source.track.keyframes.pending and source.track.keyframes.due(now):
                self._ask_keyframe(source, active.ssrc)
            if source.better is not None and source.layer_requests.due(now):
                self._ask_keyframe(source, source.better.ssrc)
        if self.limit.due(now):
            self._remb()

    def _ask_keyframe(self, source: Source, ssrc: int) -> None:
        self._stats.keyframe_requests_sent += 1
        if source.media.pli or not source.media.fir:
            self.peer.send_rtcp(rtcp.picture_loss(OUR_SSRC, ssrc))
        else:
            source.intra_requests += 1
            self.peer.send_rtcp(rtcp.full_intra_request(OUR_SSRC, ssrc, source.intra_requests))

    def _remb(self) -> None:
        ssrcs = [source.active.ssrc for source in self.sources if source.active is not None and source.media.remb]
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
        for source in self.sources:
            source.weigh([layer for owner, layer in self._by_ssrc.values() if owner is source and layer.received])
            if source.better is not None:
                source.layer_requests.ask()
        blocks = [reception.block(now) for _source, reception in self._by_ssrc.values() if reception.received][:31]
        if blocks:
            self.peer.send_rtcp(rtcp.receiver_report(OUR_SSRC, blocks) + rtcp.description([OUR_SSRC], "sluice"))

    def farewell(self) -> bytes | None:
        """Our BYE."""
        return rtcp.receiver_report(OUR_SSRC, ()) + rtcp.bye([OUR_SSRC])

    def totals(self) -> tuple[int, int]:
        """Media bytes received and sent."""
        return self.received, 0

    def state(self, now: float) -> dict[str, Any]:
        """How it is doing against its limit, too."""
        limit = self.limit
        bitrate = {
            "kbps": self.kbps,
            "limit_kbps": limit.limit // 1000 if limit.enforced else None,
            "over_limit": limit.warned,
        }
        return {**super().state(now), "bitrate": bitrate}

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
                    "layers": sum(owner is source and layer.received > 0 for owner, layer in self._by_ssrc.values()),
                    "first_packet_after": None
                    if self.first_packet_at is None
                    else round(self.first_packet_at - self.began, 3),
                    "packets": active.received if active else 0,
                    "lost": active.lost if active else 0,
                    "loss": round(active.fraction, 4) if active else 0.0,
                    "last_packet_ms": round((now - source.active_at) * 1000) if active else None,
                    "keyframe_ms": None if track.last_keyframe is None else round((now - track.last_keyframe) * 1000),
                    "keyframe_requests": track.keyframes.sent,
                    "group_cached": track.history.group is not None,
                    "kbps": self.kbps,
                }
            )
        return states
