"""One stream on this node: its publisher, its viewers, its tracks; who may take over, and who may still come in.

Invariant: at most one publisher, of the highest epoch seen; never more viewers than the grant of the newcomer allows.
Viewers outlive their publisher by GRACE, so that an encoder may restart without their losing the connection; and where the
node lets them, they come before it.
"""

from typing import Final

from sfu.media.track import ForwardedTrack  # noqa: TC001 - annotations are one rule for all imports
from sfu.negotiation import Codec, SourceDescription, SourceTrack
from sfu.plane.publisher import Publisher
from sfu.plane.viewer import Viewer

GRACE: Final = 30.0


class Room:
    """One stream's publisher, viewers and tracks on this node."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.epoch = -1
        self.publisher: Publisher | None = None
        self.viewers: dict[str, Viewer] = {}
        self.tracks: dict[str, ForwardedTrack] = {}
        self.kept_until: float | None = None
        """Without a publisher: until when its viewers are kept."""

    def admits(self, epoch: int) -> bool:
        """Whether a publisher of *epoch* may begin: above the live one's, or not below the last one's."""
        return epoch > self.epoch if self.publisher is not None else epoch >= self.epoch

    def begin(self, publisher: Publisher) -> None:
        """Take *publisher* for the source from now on."""
        self.publisher = publisher
        self.epoch = publisher.claims.epoch
        self.kept_until = None

    def leave(self, publisher: Publisher, now: float) -> None:
        """Note that *publisher* is gone; its viewers are kept for a while."""
        if self.publisher is publisher:
            self.publisher = None
            self.wait(now + GRACE)

    def add(self, viewer: Viewer) -> None:
        """*viewer* watches from now on."""
        self.viewers[viewer.id] = viewer

    def remove(self, viewer: Viewer) -> None:
        """*viewer* watches no more; nothing happens where it did not."""
        self.viewers.pop(viewer.id, None)

    def wait(self, until: float) -> None:
        """Keep viewers without a publisher for so long, at least."""
        self.kept_until = max(self.kept_until or until, until)

    def abandoned(self, now: float) -> bool:
        """Whether the grace for viewers without a publisher is over."""
        return self.publisher is None and self.kept_until is not None and now > self.kept_until

    def viewers_of_other_codecs(self) -> list[Viewer]:
        """Viewers who negotiated a codec that the publisher does not send (any more)."""
        if self.publisher is None:
            return []
        codecs = {section.media.kind: section.media.codec for section in self.publisher.sections}
        return [
            viewer
            for viewer in self.viewers.values()
            if any(
                (codec := codecs.get(section.media.kind)) is not None and codec.name != section.media.codec.name
                for section in viewer.sections
            )
        ]

    def describe(self) -> SourceDescription | None:
        """What viewers can negotiate now."""
        if self.publisher is None:
            return None
        return SourceDescription(
            tuple(
                SourceTrack(section.media.kind, _true(section.media.codec, section.track.profile_level))
                for section in self.publisher.sections
            )
        )

    def expected(self) -> SourceDescription | None:
        """What the last publisher sent, for viewers who wait for the next one."""
        tracks = tuple(
            SourceTrack(track.kind, _true(track.codec, track.profile_level)) for track in self.tracks.values()
        )
        return SourceDescription(tracks) if tracks else None


def _true(codec: Codec, profile_level: str | None) -> Codec:
    """The codec with the profile that the stream has, where the offer said another (P10)."""
    if profile_level is None or codec.name != "H264":
        return codec
    parameters = {**codec.parameters, "profile-level-id": profile_level}
    return Codec(codec.name, codec.clock_rate, codec.channels, parameters)
