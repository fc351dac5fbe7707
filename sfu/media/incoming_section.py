"""One accepted section of a publisher: which of its SSRCs is forwarded, and what of its packets viewers may get.

Several SSRCs come where layers were negotiated (simulcast), or announced: then the largest picture that lives is forwarded.
Otherwise there is one source, and an SSRC that was not seen before is the same source anew: an encoder that restarted.
Either way a change happens where the next one's keyframe begins, and what came of it until then is buffer (`sfu.media.start_buffer`); until
then the one before it goes on.
"""

from collections.abc import Callable
from typing import Any, Final

from sfu.media.b_frame_filter import b_frame_filter
from sfu.media.incoming_rtp_stream import IncomingRtpStream
from sfu.media.keyframe_requests import KeyframeRequests
from sfu.media.start_buffer import NumberedPacket, StartBuffer
from sfu.media.track import ForwardedTrack
from sfu.negotiation import MID, REPAIRED_RID, RID, TRANSPORT_CC, Media
from sfu.wire.bitstream.header_readers import header_reader
from sfu.wire.bitstream.parameter_sets import BEFORE, ParameterSets
from sfu.wire.bitstream.picture import SETS
from sfu.wire.bitstream.picture_size import picture_size
from sfu.wire.rtp import Extensions, extensions

SWITCH_AFTER: Final = 0.5
"""Seconds without media, or
"""
SWITCH_FRAMES: Final = 3.0
"""the time that so many frames of the section's liveliest SSRC take, whichever is more, after which an SSRC counts as dead."""
RETURN_AFTER: Final = 0.2
"""Seconds of silence of the SSRC that replaced it, after which an earlier one may come back: its late packets are no return."""
MAX_WAITING: Final = 4
"""SSRCs of one section whose packets are buffer at once."""
BYE_DELAY: Final = 0.2
"""Seconds in which packets that were sent before a BYE may arrive after it (RFC 3550, section 6.3.4)."""
NOT_FORWARDED: Final = frozenset({MID, RID, REPAIRED_RID, TRANSPORT_CC})


class IncomingSection:
    """One accepted section of a publisher."""

    def __init__(self, media: Media, track: ForwardedTrack) -> None:
        self.media = media
        self.track = track
        self.uris = {number: uri for uri, number in media.extensions.items()}
        self.passed = {number: uri for number, uri in self.uris.items() if uri not in NOT_FORWARDED}
        self.mid_id = media.extensions.get(MID)
        self.rid_id = media.extensions.get(RID)
        self.repaired_rid_id = media.extensions.get(REPAIRED_RID)
        self.layered = bool(media.rids) or len(media.ssrcs) > 1
        """Whether several SSRCs are several layers; otherwise one follows the other."""
        self.active: IncomingRtpStream | None = None
        """The SSRC that is forwarded; with simulcast, one of several."""
        self.next: IncomingRtpStream | None = None
        """What takes over where its next keyframe begins: a better layer, or the same source anew."""
        self.rates: dict[int, int] = {}
        """SSRC -> bytes of media in the last second."""
        ordered = media.ssrcs if len(media.ssrcs) == len(media.rids) else ()
        self.rids: dict[int, str] = dict(zip(ordered, media.rids, strict=False))
        """SSRC -> the layer's name, where its packets say it, or else the order of the offer."""
        self.sizes: dict[int, tuple[int, int]] = {}
        """SSRC -> the layer's picture, where its keyframes say it."""
        self.retired: dict[int, None] = {}
        """SSRCs that were replaced, the oldest first."""
        self._said: set[int] = set()
        """SSRCs whose packets said their layer's name."""
        self._left: dict[int, float] = {}
        """SSRC -> until when packets of before its BYE may come."""
        self._buffers: dict[int, StartBuffer] = {}
        self._doubted: dict[int, StartBuffer] = {}
        self._carried: dict[int, tuple[int, int]] = {}
        self._patience = SWITCH_AFTER
        self._former: tuple[ParameterSets, bool] | None = None
        """`StartPoints.inherited` of an SSRC before its numbers began anew."""
        self._sets: dict[int, ParameterSets] = {}
        """SSRC -> the parameter sets of what is not forwarded: it may say them once only, and not with a keyframe."""
        self.first_keyframe_at: float | None = None
        self.intra_requests = 0
        self.layer_requests = KeyframeRequests()
        self.b_frames = b_frame_filter(media.codec.name)

    def name(self, ssrc: int, rid: str) -> None:
        """*ssrc* says that it is the layer *rid*; another that said so before was the same layer's until now."""
        for other in [other for other, known in self.rids.items() if known == rid and other != ssrc]:
            if other in self._said:
                self.retired[other] = None
            else:
                del self.rids[other]  # the order of the offer was not theirs
        self._said.add(ssrc)
        self.rids[ssrc] = rid

    def forget(self, ssrc: int) -> None:
        """*ssrc* is over, and its number may be another's."""
        for table in (
            self.rates,
            self.rids,
            self.sizes,
            self.retired,
            self._left,
            self._buffers,
            self._doubted,
            self._sets,
        ):
            table.pop(ssrc, None)
        self._said.discard(ssrc)

    def leave(self, incoming: IncomingRtpStream, now: float) -> None:
        """A BYE of *incoming*: another one may take its place at once."""
        self._left[incoming.ssrc] = now + BYE_DELAY
        if self.next is incoming:
            self.next = None

    # -- which one ---------------------------------------------------------------------------------------------------

    def weigh(self, layers: list[IncomingRtpStream], now: float) -> None:
        """Once a second: measure each, and find the best layer that lives, where several come (simulcast)."""
        carried = {layer.ssrc: (layer.bytes, layer.frames) for layer in layers}
        before = {ssrc: self._carried.get(ssrc, both) for ssrc, both in carried.items()}
        self.rates = {ssrc: size - before[ssrc][0] for ssrc, (size, _) in carried.items()}
        frames = max((count - before[ssrc][1] for ssrc, (_, count) in carried.items()), default=0)
        self._patience = max(SWITCH_AFTER, SWITCH_FRAMES / max(frames, 1))
        self._carried = carried
        if self.layered:
            self._choose(layers, now)

    def lives(self, layer: IncomingRtpStream, now: float) -> bool:
        """Whether *layer* sends a picture now."""
        return now - layer.at <= self._patience and layer.at > self._left.get(layer.ssrc, float("-inf"))

    def _choose(self, layers: list[IncomingRtpStream], now: float) -> None:
        living = [layer for layer in layers if layer.ssrc not in self.retired and self.lives(layer, now)]
        active = self.active
        if active is not None and not self.lives(active, now):
            active = None
        best = None
        for layer in living:
            if layer is not active and (best is None or self._better(layer, best)):
                best = layer
        if best is None or (active is not None and not self._better(best, active)):
            best = None
        if best is not self.next:
            self._buffers.clear()
            self.next = best
        if best is not None:
            self.layer_requests.ask()

    def _better(self, layer: IncomingRtpStream, than: IncomingRtpStream) -> bool:
        """A larger picture; where that is not known or the same, a fifth more bytes, so that two alike take no turns."""
        one, other = self.sizes.get(layer.ssrc), self.sizes.get(than.ssrc)
        if one is not None and other is not None and one != other:
            return one[0] * one[1] > other[0] * other[1]
        return self.rates.get(layer.ssrc, 0) > 1.2 * self.rates.get(than.ssrc, 0)

    # -- what of it --------------------------------------------------------------------------------------------------

    def forwardable(self, packet: bytes, start: int, end: int) -> Extensions:
        """The header extensions in *packet* that viewers may get, by URI."""
        passed = self.passed
        return tuple((passed[number], value) for number, value in extensions(packet, start, end) if number in passed)

    def ordered(self, ssrc: int, number: int, timestamp: int, payload: bytes) -> bytes:
        """*payload*, or nothing where it is of a picture out of order: then only its place in the numbering is buffer."""
        order = self.b_frames
        return b"" if order is not None and order.leaves_out(ssrc, number, timestamp, payload) else payload

    def wants(
        self, incoming: IncomingRtpStream, layers: Callable[["IncomingSection"], list[IncomingRtpStream]], now: float
    ) -> bool:
        """Whether packets of *incoming*, which is not forwarded, are to be given to `aside`, as it may be soon."""
        if incoming is self.next or incoming.restarted:
            return True
        active = self.active
        if not self.layered:
            if incoming.ssrc not in self.retired:
                self.next = incoming
            return True
        if active is None:
            if self.next is None or not self.lives(self.next, now):
                self.next = incoming
        elif self._same_layer(incoming, active) and incoming.ssrc not in self.retired:
            self.next = incoming  # the encoder of the forwarded layer restarted
        elif self.next is None and not self.lives(active, now):
            self._choose(layers(self), now)
        return incoming is self.next

    def doubt(self, incoming: IncomingRtpStream, packet: NumberedPacket, now: float) -> None:
        """Keep the packet of a number that `IncomingRtpStream.packet` doubts."""
        doubted = self._doubted[incoming.ssrc] = StartBuffer(self._codec, now)
        doubted.add(packet, now)

    def aside(self, incoming: IncomingRtpStream, packet: NumberedPacket, now: float) -> list[NumberedPacket]:
        """Keep a packet of what is not forwarded yet; what is to be forwarded now, in order, where it begins."""
        if incoming.restarted:
            self._restarted(incoming, now)
        buffer = self._buffers.get(incoming.ssrc)
        if buffer is None:
            if len(self._buffers) >= MAX_WAITING:
                del self._buffers[next(iter(self._buffers))]
            buffer = self._buffers[incoming.ssrc] = StartBuffer(self._codec, now)
        buffer.add(packet, now)
        self._overhear(incoming.ssrc, packet[3])
        if not buffer.found and incoming is self.next:
            self.layer_requests.ask()
        return self._begin(incoming, buffer, now)

    def settle(self, now: float) -> list[NumberedPacket]:
        """Every tick: what begins because it has settled."""
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

    def look(self, incoming: IncomingRtpStream, payload: bytes) -> None:
        """A packet of a layer: note the size that it states, and what its pictures will need."""
        if incoming is not self.active:
            self._overhear(incoming.ssrc, payload)
        if (size := picture_size(self.media.codec.name, payload)) is not None:
            self.sizes[incoming.ssrc] = size

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
            for packet in self._buffers[incoming.ssrc].packets():
                self._overhear(incoming.ssrc, packet[3])
            self.active = None
            self.next = incoming

    def _begin(self, incoming: IncomingRtpStream, buffer: StartBuffer, now: float) -> list[NumberedPacket]:
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
            if not self.layered or self._same_layer(incoming, active):
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

    def _told(self, ssrc: int) -> ParameterSets:
        """The parameter sets that *ssrc* has told of, or else the offer."""
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
        if active is not None and (not self.layered or self._same_layer(incoming, active)):
            former = self.track.start_points.inherited()
        if former is None or ((former[1] or buffer.carried()) and not buffer.overdue(now)):
            return told
        sets = former[0].afresh()
        sets.take(told.at(BEFORE), BEFORE + 1)
        return sets.afresh()

    def _may_follow(
        self, incoming: IncomingRtpStream, active: IncomingRtpStream, buffer: StartBuffer, now: float
    ) -> bool:
        """Whether *incoming*, which can begin, is to: what lives is replaced by what is better, or new."""
        if self.layered:
            if not self.lives(active, now) or self._same_layer(incoming, active) or self._better(incoming, active):
                return True
            self.next = None  # the forwarded layer came back: all of them were held up
            return False
        if now - active.at >= RETURN_AFTER or not self.lives(active, now):
            return True
        return incoming.ssrc not in self.retired and len(buffer) > 1  # a single stray is no source

    def _same_layer(self, incoming: IncomingRtpStream, active: IncomingRtpStream) -> bool:
        rid = self.rids.get(incoming.ssrc)
        return rid is not None and rid == self.rids.get(active.ssrc)

    def _overhear(self, ssrc: int, payload: bytes) -> None:
        headers = header_reader(self.media.codec.name)
        if headers.kinds and headers.flags(payload) & SETS:
            self._sets.setdefault(ssrc, self._told(ssrc)).take(headers.parameter_sets(payload), BEFORE)

    def _brings(self, packets: list[NumberedPacket], sets: ParameterSets) -> bool:
        """Whether *packets*, with which a source begins, have all of *sets* in them."""
        headers = header_reader(self.media.codec.name)
        carried = {
            (kind, number)
            for packet in packets
            if headers.flags(packet[3]) & SETS
            for kind, number, _unit in headers.parameter_sets(packet[3])
        }
        return carried.issuperset((kind, number) for kind, number, _unit in sets.at(BEFORE))

    def layer_states(self, layers: list[IncomingRtpStream]) -> list[dict[str, Any]]:
        """What comes, the layer that carries most first; one of them is what viewers get."""
        return [
            {
                "rid": self.rids.get(layer.ssrc),
                "ssrc": layer.ssrc,
                "size": None if (size := self.sizes.get(layer.ssrc)) is None else f"{size[0]}x{size[1]}",
                "kbps": self.rates.get(layer.ssrc, 0) * 8 // 1000,
                "packets": layer.received,
                "lost": layer.lost,
                "forwarded": layer is self.active,
                "next": layer is self.next,
                "live": self.rates.get(layer.ssrc, 0) > 0,
            }
            for layer in sorted(layers, key=lambda layer: self.rates.get(layer.ssrc, 0), reverse=True)
            if layer.ssrc not in self.retired or layer is self.active
        ]
