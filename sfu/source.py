"""One accepted section of a publisher: which of its SSRCs is forwarded, and what of its packets viewers may get.

With simulcast several SSRCs come. The one that carries most is forwarded; it takes over where its next keyframe begins, or
at once where the one before it has gone silent.
"""

from typing import Any, Final

from sfu.feedback import KeyframeRequests
from sfu.keyframes import begins_keyframe
from sfu.negotiation import MID, REPAIRED_RID, RID, TRANSPORT_CC, Media
from sfu.reception import Reception
from sfu.reordering import reordering_of
from sfu.rtp import Extensions, extensions
from sfu.track import Track

SWITCH_AFTER: Final = 0.5
"""Seconds of silence of the forwarded SSRC after which another of the same section takes its place."""
NOT_FORWARDED: Final = frozenset({MID, RID, REPAIRED_RID, TRANSPORT_CC})


class Source:
    """One accepted section of a publisher."""

    def __init__(self, media: Media, track: Track) -> None:
        self.media = media
        self.track = track
        self.uris = {number: uri for uri, number in media.extensions.items()}
        self.passed = {number: uri for number, uri in self.uris.items() if uri not in NOT_FORWARDED}
        self.mid_id = media.extensions.get(MID)
        self.rid_id = media.extensions.get(RID)
        self.repaired_rid_id = media.extensions.get(REPAIRED_RID)
        self.active: Reception | None = None
        """The SSRC that is forwarded; with simulcast, one of several."""
        self.active_at = 0.0
        self.better: Reception | None = None
        """A layer that carries more: it takes over where its next keyframe begins."""
        self.rates: dict[int, int] = {}
        """SSRC -> bytes in the last second."""
        self.rids: dict[int, str] = {}
        """SSRC -> the layer's name, where its packets say it."""
        self._carried: dict[int, int] = {}
        self.first_keyframe_at: float | None = None
        self.intra_requests = 0
        self.layer_requests = KeyframeRequests()
        self.reordering = reordering_of(media.codec.name)

    def weigh(self, layers: list[Reception]) -> None:
        """Once a second: measure each, and find the layer that carries most, where several come (simulcast)."""
        carried = {layer.ssrc: layer.bytes for layer in layers}
        self.rates = rates = {ssrc: size - self._carried.get(ssrc, size) for ssrc, size in carried.items()}
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

    def takes(self, reception: Reception, payload: bytes, now: float) -> bool:
        """Whether *reception*'s packet of now is forwarded: it is the active one, or becomes it."""
        if self.active is not reception:
            if self.active is not None:
                better = self.better is reception and begins_keyframe(self.media.codec.name, payload)
                if not better and now - self.active_at < SWITCH_AFTER:
                    return False
                self.track.new_source(self.media.codec)
            self.better = None
            self.active = reception
            if self.media.kind == "video":
                self.track.keyframes.ask()
        self.active_at = now
        return True

    def layer_states(self, layers: list[Reception]) -> list[dict[str, Any]]:
        """What comes, the layer that carries most first; one of them is what viewers get."""
        return [
            {
                "rid": self.rids.get(layer.ssrc),
                "ssrc": layer.ssrc,
                "kbps": self.rates.get(layer.ssrc, 0) * 8 // 1000,
                "packets": layer.received,
                "lost": layer.lost,
                "forwarded": layer is self.active,
                "next": layer is self.better,
            }
            for layer in sorted(layers, key=lambda layer: self.rates.get(layer.ssrc, 0), reverse=True)
        ]
