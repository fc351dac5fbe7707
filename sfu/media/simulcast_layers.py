"""The layers of one m= section: their names, their rates and picture sizes, and which of two is the better picture.

A layer is one SSRC. Its name is its RID (RFC 8852), where its packets say one, or else the order of the offer says it. What a
section without simulcast sends is measured in the same way.
"""

from collections.abc import Sequence
from typing import Any, Final

from sfu.media.incoming_rtp_stream import IncomingRtpStream

SWITCH_AFTER: Final = 0.5
"""Seconds without media, or
"""
SWITCH_FRAMES: Final = 3.0
"""the time that so many frames of the section's liveliest SSRC take, whichever is more, after which an SSRC counts as dead."""
BYE_DELAY: Final = 0.2
"""Seconds in which packets that were sent before a BYE may arrive after it (RFC 3550, section 6.3.4)."""


class SimulcastLayers:
    """What is known of the layers of one publisher's section, to choose the one that viewers get.

    *rids* are the names in the offer and *ssrcs* its SSRCs; where there are as many, they go together.
    """

    def __init__(self, rids: Sequence[str], ssrcs: Sequence[int]) -> None:
        ordered = ssrcs if len(ssrcs) == len(rids) else ()
        self.rids: dict[int, str] = dict(zip(ordered, rids, strict=False))
        """SSRC -> the layer's name, where its packets say it, or else the order of the offer."""
        self._named: set[int] = set()
        """SSRCs whose packets said their layer's name."""
        self._sizes: dict[int, tuple[int, int]] = {}
        """SSRC -> width and height of the layer's picture, where its keyframes say it."""
        self._rates: dict[int, int] = {}
        """SSRC -> bytes of media in the last second."""
        self._carried: dict[int, tuple[int, int]] = {}
        """SSRC -> bytes and frames until a second ago."""
        self._left: dict[int, float] = {}
        """SSRC -> until when packets of before its BYE may come."""
        self._patience = SWITCH_AFTER
        """Seconds without media after which an SSRC counts as dead."""

    def name(self, ssrc: int, rid: str) -> list[int]:
        """Take *ssrc* for the layer *rid*, as its packets say; returns the SSRCs that said so before, which it replaces."""
        replaced = []
        for other in [other for other, known in self.rids.items() if known == rid and other != ssrc]:
            if other in self._named:
                replaced.append(other)
            else:
                del self.rids[other]  # the order of the offer was not theirs
        self._named.add(ssrc)
        self.rids[ssrc] = rid
        return replaced

    def resize(self, ssrc: int, size: tuple[int, int]) -> None:
        """Note the width and height that a keyframe of *ssrc* states."""
        self._sizes[ssrc] = size

    def leave(self, ssrc: int, now: float) -> None:
        """Count *ssrc* as dead from now on, as its BYE came; packets that were under way do not revive it."""
        self._left[ssrc] = now + BYE_DELAY

    def forget(self, ssrc: int) -> None:
        """Drop all that is known of *ssrc*, whose number may become another layer's."""
        for table in (self._rates, self.rids, self._sizes, self._left):
            table.pop(ssrc, None)
        self._named.discard(ssrc)

    def measure(self, layers: Sequence[IncomingRtpStream]) -> None:
        """Measure what each of *layers* carried in the last second; called once a second."""
        carried = {layer.ssrc: (layer.bytes, layer.frames) for layer in layers}
        self._rates, most_frames = {}, 0
        for ssrc, (size, frames) in carried.items():
            size_before, frames_before = self._carried.get(ssrc, (size, frames))
            self._rates[ssrc] = size - size_before
            most_frames = max(most_frames, frames - frames_before)
        self._patience = max(SWITCH_AFTER, SWITCH_FRAMES / max(most_frames, 1))
        self._carried = carried

    def is_live(self, layer: IncomingRtpStream, now: float) -> bool:
        """Whether *layer* sends a picture now."""
        return now - layer.at <= self._patience and layer.at > self._left.get(layer.ssrc, float("-inf"))

    def is_better(self, layer: IncomingRtpStream, than: IncomingRtpStream) -> bool:
        """Whether its picture is larger; where that is not known or the same, whether it carries a fifth more bytes.

        The fifth keeps two layers that are alike from taking turns.
        """
        size, other = self._sizes.get(layer.ssrc), self._sizes.get(than.ssrc)
        if size is not None and other is not None and size != other:
            width, height = size
            other_width, other_height = other
            return width * height > other_width * other_height
        return self._rates.get(layer.ssrc, 0) > 1.2 * self._rates.get(than.ssrc, 0)

    def is_same(self, layer: IncomingRtpStream, other: IncomingRtpStream) -> bool:
        """Whether both SSRCs have the name of one layer: its encoder restarted."""
        rid = self.rids.get(layer.ssrc)
        return rid is not None and rid == self.rids.get(other.ssrc)

    def states(
        self,
        layers: Sequence[IncomingRtpStream],
        forwarded: IncomingRtpStream | None,
        following: IncomingRtpStream | None,
    ) -> list[dict[str, Any]]:
        """Each of *layers* for a session's state, the one that carries most first; *following* takes over from *forwarded*."""
        states = []
        for layer in sorted(layers, key=lambda layer: self._rates.get(layer.ssrc, 0), reverse=True):
            size, rate = self._sizes.get(layer.ssrc), self._rates.get(layer.ssrc, 0)
            states.append(
                {
                    "rid": self.rids.get(layer.ssrc),
                    "ssrc": layer.ssrc,
                    "size": None if size is None else "{}x{}".format(*size),
                    "kbps": rate * 8 // 1000,
                    "packets": layer.received,
                    "lost": layer.lost,
                    "forwarded": layer is forwarded,
                    "next": layer is following,
                    "live": rate > 0,
                }
            )
        return states
