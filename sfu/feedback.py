"""When a source is asked for a keyframe, and how much a browser may send.

Pure. Keyframe requests are coalesced per source: at most one each INTERVAL, a request in between is remembered and sent at
the end of the window, and it is repeated until a keyframe arrives (whip-whep.md, P18).
"""

from typing import Final

INTERVAL: Final = 0.5
TRIES: Final = 20
"""After this many unanswered requests the source evidently ignores them (OBS, FFmpeg): wait for its interval."""
ANSWER_WITHIN: Final = 1.0


class KeyframeRequests:
    """The requests to one source of video."""

    __slots__ = ("_asked", "_sent_at", "_tries", "pending", "responsive", "sent", "tried")

    def __init__(self) -> None:
        self.pending = False
        self.sent = 0
        self.responsive = False
        """A keyframe once came within ANSWER_WITHIN of a request."""
        self.tried = False
        """This source was asked at all."""
        self._asked = False
        self._sent_at = float("-inf")
        self._tries = 0

    def ask(self) -> None:
        """Somebody needs a keyframe."""
        if not self.pending:
            self.pending = True
            self._tries = 0

    def due(self, now: float) -> bool:
        """Whether a request is to be sent now; counts it as sent."""
        if not self.pending or now - self._sent_at < INTERVAL:
            return False
        if self._tries >= TRIES:
            self.pending = False
            return False
        self._tries += 1
        self._sent_at = now
        self._asked = self.tried = True
        self.sent += 1
        return True

    def arrived(self, now: float) -> None:
        """A keyframe begins."""
        if self._asked and now - self._sent_at <= ANSWER_WITHIN:
            self.responsive = True
        self.pending = False
        self._asked = False

    def new_source(self) -> None:
        """Another source: nothing is known of it."""
        self.responsive = self.tried = False
        self._asked = False
        self._sent_at = float("-inf")


RAMP_SECONDS: Final = 3.0
RAMP_EVERY: Final = 0.2
STEADY_EVERY: Final = 1.0
UNLIMITED: Final = 30_000_000


class BitrateLimit:
    """The REMB that a publisher gets: what its grant allows, told early, since Chrome takes over at once what it hears
    in its first two seconds, and climbs slowly afterwards. Congestion on the way it sees in our receiver reports.
    """

    __slots__ = ("_began", "_next", "bitrate")

    def __init__(self, max_kbps: int) -> None:
        self.bitrate = max_kbps * 1000 if max_kbps else UNLIMITED
        self._began: float | None = None
        self._next = 0.0

    def due(self, now: float) -> bool:
        """Whether to send it now."""
        if self._began is None:
            self._began = now
        if now < self._next:
            return False
        self._next = now + (RAMP_EVERY if now - self._began < RAMP_SECONDS else STEADY_EVERY)
        return True
