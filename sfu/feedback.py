"""When a source is asked for a keyframe.

Pure. Requests are coalesced per source: at most one each INTERVAL, a request in between is remembered and sent at
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
