"""One accepted m= section of a publisher: which of its SSRCs is forwarded, and what of its packets viewers may get.

Several SSRCs come where layers were negotiated (simulcast), or announced: then the largest picture that is live is forwarded.
Otherwise there is one source, and an SSRC that was not seen before is the same source anew: an encoder that restarted. Either
way the forwarding changes over where the next one's keyframe begins. What came of it until then waits in a buffer
(`sfu.media.start_buffer`), and the one before it goes on meanwhile.
"""

from collections.abc import Callable
from typing import Any, Final

from sfu.media.b_frame_filter import b_frame_filter
from sfu.media.feedback.keyframe_requests import KeyframeRequests
from sfu.media.incoming_rtp_stream import IncomingRtpStream
from sfu.media.simulcast_layers import SimulcastLayers
from sfu.media.start_buffer import NumberedPacket, StartBuffer
from sfu.media.track import ForwardedTrack
from sfu.negotiation import MID, REPAIRED_RID, RID, TRANSPORT_CC, Media
from sfu.wire.bitstream.header_readers import header_reader
from sfu.wire.bitstream.parameter_sets import BEFORE, ParameterSets
from sfu.wire.bitstream.picture import SETS
from sfu.wire.bitstream.picture_size import picture_size
from sfu.wire.rtp import Extensions, extensions

RETURN_AFTER: Final = 0.2
"""Seconds of silence of the SSRC that replaced it, after which an earlier one may come back: its late packets are no return."""
MAX_WAITING: Final = 4
"""SSRCs of one section whose packets are buffered at once."""
NOT_FORWARDED: Final = frozenset({MID, RID, REPAIRED_RID, TRANSPORT_CC})
"""Header extensions that concern the publisher and its node alone."""


class IncomingSection:
    """One m= section that a publisher sends: chooses the SSRC that feeds *track*, and when it changes.

    *media* is what was negotiated for the section. The publisher's session reads `active` for each packet: the packets of that
    SSRC go to the track at once, all others through `wants` and `buffer`.
    """

    def __init__(self, media: Media, track: ForwardedTrack) -> None:
        self.media = media
        self.track = track
        self.passed = {number: uri for uri, number in media.extensions.items() if uri not in NOT_FORWARDED}
        """Id -> URI of the header extensions that viewers may get."""
        self.mid_id = media.extensions.get(MID)
        self.rid_id = media.extensions.get(RID)
        self.repaired_rid_id = media.extensions.get(REPAIRED_RID)
        self.layered = bool(media.rids) or len(media.ssrcs) > 1
        """Whether several SSRCs are several layers; otherwise one follows the other."""
        self.active: IncomingRtpStream | None = None
        """The SSRC that is forwarded; with simulcast, one of several."""
        self.next: IncomingRtpStream | None = None
        """What takes over where its next keyframe begins: a better layer, or the same source anew."""
        self.layers = SimulcastLayers(media.rids, media.ssrcs)
        self.retired: dict[int, None] = {}
        """SSRCs that were replaced, the oldest first."""
        self.first_keyframe_at: float | None = None
        self.intra_requests = 0
        """FIRs that were sent, which are numbered (RFC 5104, section 4.3.1)."""
        self.layer_requests = KeyframeRequests()
        """Requests for a keyframe of `next`; those of `active` are the track's."""
        self.b_frames = b_frame_filter(media.codec.name)
        self._buffers: dict[int, StartBuffer] = {}
        """SSRC -> packets of what is not forwarded yet."""
        self._doubted: dict[int, StartBuffer] = {}
        """SSRC -> the packet whose number is doubted until a second one agrees with it."""
        self._former: tuple[ParameterSets, bool] | None = None
        """`StartPoints.inherited` of an SSRC before its numbers began anew."""
        self._sets: dict[int, ParameterSets] = {}
        """SSRC -> the parameter sets of what is not forwarded: it may say them once only, and not with a keyframe."""

    def name(self, ssrc: int, rid: str) -> None:
        """Take *ssrc* for the layer *rid*, as its packets say; an SSRC that said so before was that layer's until now."""
        for replaced in self.layers.name(ssrc, rid):
            self.retired[replaced] = None

    def forget(self, ssrc: int) -> None:
        """Drop all that is known of *ssrc*, which is over and whose number may become another's."""
        self.layers.forget(ssrc)
        for table in (self.retired, self._buffers, self._doubted, self._sets):
            table.pop(ssrc, None)

    def leave(self, incoming: IncomingRtpStream, now: float) -> None:
        """Take the BYE of *incoming*: another SSRC may take its place at once."""
        self.layers.leave(incoming.ssrc, now)
        if self.next is incoming:
            self.next = None

    # -- which SSRC --------------------------------------------------------------------------------------------------

    def measure_layers(self, layers: list[IncomingRtpStream], now: float) -> None:
        """Measure each of *layers*, and choose the best one that is live where there are several; called once a second."""
        self.layers.measure(layers)
        if self.layered:
            self._choose(layers, now)

    def _choose(self, layers: list[IncomingRtpStream], now: float) -> None:
        is_live, is_better = self.layers.is_live, self.layers.is_better
        living = [layer for layer in layers if layer.ssrc not in self.retired and is_live(layer, now)]
        active = self.active
        if active is not None and not is_live(active, now):
            active = None
        best = None
        for layer in living:
            if layer is not active and (best is None or is_better(layer, best)):
                best = layer
        if best is None or (active is not None and not is_better(best, active)):
            best = None
        if best is not self.next:
            self._buffers.clear()
            self.next = best
        if best is not None:
            self.layer_requests.ask()

    def wants(
        self, incoming: IncomingRtpStream, layers: Callable[["IncomingSection"], list[IncomingRtpStream]], now: float
    ) -> bool:
        """Whether packets of *incoming*, which is not forwarded, are to be given to `buffer`, as it may be forwarded soon.

        *layers* names the SSRCs of a section that have sent something.
        """
        if incoming is self.next or incoming.restarted:
            return True
        active = self.active
        if not self.layered:
            if incoming.ssrc not in self.retired:
                self.next = incoming
            return True
        if active is None:
            if self.next is None or not self.layers.is_live(self.next, now):
                self.next = incoming
        elif self.layers.is_same(incoming, active) and incoming.ssrc not in self.retired:
            self.next = incoming  # the encoder of the forwarded layer restarted
        elif self.next is None and not self.layers.is_live(active, now):
            self._choose(layers(self), now)
        return incoming is self.next

    # -- what of its packets -----------------------------------------------------------------------------------------

    def forwardable(self, packet: bytes, start: int, end: int) -> Extensions:
        """The header extensions between *start* and *end* of *packet* that viewers may get, by URI."""
        passed = self.passed
        return tuple((passed[number], value) for number, value in extensions(packet, start, end) if number in passed)

    def without_b_frame(self, ssrc: int, number: int, timestamp: int, payload: bytes) -> bytes:
        """*payload*, or nothing where it is of a B-frame to be left out: then only its place in the numbering is kept."""
        b_frames = self.b_frames
        return b"" if b_frames is not None and b_frames.leaves_out(ssrc, number, timestamp, payload) else payload

    def inspect(self, incoming: IncomingRtpStream, payload: bytes) -> None:
        """Note the picture size that *payload*, of a layer, states, and the parameter sets that its pictures will need."""
        if incoming is not self.active:
            self._note_sets(incoming.ssrc, payload)
        if (size := picture_size(self.media.codec.name, payload)) is not None:
            self.layers.resize(incoming.ssrc, size)

    # -- where one begins --------------------------------------------------------------------------------------------

    def keep_doubted(self, incoming: IncomingRtpStream, packet: NumberedPacket, now: float) -> None:
        """Keep *packet*, whose number `IncomingRtpStream.packet` doubts, until a second one agrees with it."""
        doubted = self._doubted[incoming.ssrc] = StartBuffer(self._codec, now)
        doubted.add(packet, now)

    def buffer(self, incoming: IncomingRtpStream, packet: NumberedPacket, now: float) -> list[NumberedPacket]:
        """Keep a packet of what is not forwarded yet; returns the packets to forward now, in order, where it begins."""
        if incoming.restarted:
            self._restarted(incoming, now)
        buffer = self._buffers.get(incoming.ssrc)
        if buffer is None:
            if len(self._buffers) >= MAX_WAITING:
                del self._buffers[next(iter(self._buffers))]
            buffer = self._buffers[incoming.ssrc] = StartBuffer(self._codec, now)
        buffer.add(packet, now)
        _number, _timestamp, _marker, payload, _extensions = packet
        self._note_sets(incoming.ssrc, payload)
        if not buffer.found and incoming is self.next:
            self.layer_requests.ask()
        return self._begin(incoming, buffer, now)

    def begin_settled(self, now: float) -> list[NumberedPacket]:
        """The packets to forward now, of a source whose beginning has settled; called every few milliseconds."""
        incoming = self.next
        buffer = None if incoming is None else self._buffers.get(incoming.ssrc)
        if incoming is None or buffer is None:
            return []
        if buffer.stale(now):
            # Not a source, but strays: or it would begin with them when the one that is forwarded pauses.
            del self._buffers[incoming.ssrc]
            self.next = self.next if self.layered else None
            return []
        return self._begin(incoming, buffer, now)

    @property
    def _codec(self) -> str | None:
        return self.media.codec.name if self.media.kind == "video" else None

    def _restarted(self, incoming: IncomingRtpStream, now: float) -> None:
        """The numbers of *incoming* begin anew, and so does what they number."""
        incoming.restarted = False
        doubted = self._doubted.pop(incoming.ssrc, None)
        self._buffers[incoming.ssrc] = StartBuffer(self._codec, now) if doubted is None else doubted
        if self.active is incoming:
            # What it says now is of another beginning; the sets of before serve where it says none.
            self._sets.pop(incoming.ssrc, None)
            self._former = self.track.start_points.inherited()
            for _number, _timestamp, _marker, payload, _extensions in self._buffers[incoming.ssrc].packets():
                self._note_sets(incoming.ssrc, payload)
            self.active = None
            self.next = incoming

    def _begin(self, incoming: IncomingRtpStream, buffer: StartBuffer, now: float) -> list[NumberedPacket]:
        """Forward *incoming* from now on, where it can begin and is to; the packets that it begins with."""
        active = self.active
        if not buffer.ready(now, self._told(incoming.ssrc)):
            return []
        if active is not None and not self._may_follow(incoming, active, buffer, now):
            return []
        sets = self._sets_of(incoming, buffer, now)
        known = sets.complete(header_reader(self.media.codec.name).kinds) or buffer.carried() is None
        if not known and not buffer.overdue(now):
            self.layer_requests.ask()  # nobody can decode it
            return []
        if active is not None:
            self._sets[active.ssrc] = self.track.start_points.sets.afresh()
            if not self.layered or self.layers.is_same(incoming, active):
                self.retired[active.ssrc] = None
        self.retired.pop(incoming.ssrc, None)
        packets = buffer.take()
        self._buffers.clear()
        self._sets.pop(incoming.ssrc, None)
        self._former = self.next = None
        self.active = incoming
        self.layer_requests.arrived(now)
        self.track.new_source(self.media.codec, sets, complete=self._brings(packets, sets))
        if self.media.kind == "video" and not buffer.found:
            self.track.keyframes.ask()
        return packets

    def _may_follow(
        self, incoming: IncomingRtpStream, active: IncomingRtpStream, buffer: StartBuffer, now: float
    ) -> bool:
        """Whether *incoming*, which can begin, is to replace *active*, which may be live: it is better, or newer."""
        live = self.layers.is_live(active, now)
        if self.layered:
            if not live or self.layers.is_same(incoming, active) or self.layers.is_better(incoming, active):
                return True
            self.next = None  # the forwarded layer came back: all of them were held up
            return False
        if now - active.at >= RETURN_AFTER or not live:
            return True
        return incoming.ssrc not in self.retired and len(buffer) > 1  # a single stray is no source

    def _note_sets(self, ssrc: int, payload: bytes) -> None:
        headers = header_reader(self.media.codec.name)
        if headers.kinds and headers.flags(payload) & SETS:
            self._sets.setdefault(ssrc, self._told(ssrc)).take(headers.parameter_sets(payload), BEFORE)

    def _told(self, ssrc: int) -> ParameterSets:
        """The parameter sets that the packets of *ssrc* have told, or else the offer."""
        return self._sets.get(ssrc) or ParameterSets(
            header_reader(self.media.codec.name).out_of_band(self.media.codec.parameters)
        )

    def _sets_of(self, incoming: IncomingRtpStream, buffer: StartBuffer, now: float) -> ParameterSets:
        """The same, or those of before where the encoder only goes on: an SSRC may change (RFC 3550, section 8.2).

        Not where that one brought its sets with its keyframes: then those of this one are lost, and may be others.
        """
        told, former = self._told(incoming.ssrc), self._former
        if told.complete(header_reader(self.media.codec.name).kinds):
            return told
        active = self.active
        if active is not None and (not self.layered or self.layers.is_same(incoming, active)):
            former = self.track.start_points.inherited()
        if former is None:
            return told
        sets_before, brought = former
        if (brought or buffer.carried()) and not buffer.overdue(now):
            return told
        sets = sets_before.afresh()
        sets.take(told.at(BEFORE), BEFORE + 1)
        return sets.afresh()

    def _brings(self, packets: list[NumberedPacket], sets: ParameterSets) -> bool:
        """Whether *packets*, with which a source begins, have all of *sets* in them."""
        headers = header_reader(self.media.codec.name)
        carried = {
            (kind, number)
            for _number, _timestamp, _marker, payload, _extensions in packets
            if headers.flags(payload) & SETS
            for kind, number, _unit in headers.parameter_sets(payload)
        }
        return carried.issuperset((kind, number) for kind, number, _unit in sets.at(BEFORE))

    def layer_states(self, layers: list[IncomingRtpStream]) -> list[dict[str, Any]]:
        """Each of *layers* that still counts, as the session's state says it; one of them is what viewers get."""
        counted = [layer for layer in layers if layer.ssrc not in self.retired or layer is self.active]
        return self.layers.states(counted, self.active, self.next)
