"""When a publisher is asked for a keyframe (PLI or FIR), whoever needs one.

Requests are coalesced for each source: at most one each INTERVAL goes out. A request in between is remembered and sent at the
end of the window, and it is repeated until a keyframe arrives. Whether a source answers is judged by
the first request of such a row: some keyframe comes soon after the last one in any case.
"""

from typing import Final

INTERVAL: Final = 0.5
"""Seconds between two requests at least."""
TRIES: Final = 20
"""After this many unanswered requests the source evidently ignores them (OBS, FFmpeg): wait for its interval."""
ANSWER_WITHIN: Final = 1.0
"""Seconds after a request in which a keyframe is taken for its answer."""


class KeyframeRequests:
    """Decides when the one source of a video track is asked, and whether it listens."""

    __slots__ = ("_asked_at", "_sent_at", "_tries", "_verdict", "pending", "sent", "tried")

    def __init__(self) -> None:
        self.pending = False
        """Whether somebody waits for a keyframe."""
        self.sent = 0
        """Requests that were sent so far."""
        self.tried = False
        """Whether this source was asked at all."""
        self._asked_at: float | None = None
        """When the first of the requests that are not answered yet was sent."""
        self._sent_at = float("-inf")
        self._tries = 0
        self._verdict: bool | None = None
        """Whether the last request that can be judged was answered in time; None before there was one."""

    @property
    def responsive(self) -> bool:
        """Whether a keyframe came within ANSWER_WITHIN of the last request that can be judged."""
        return self._verdict is True

    def ignored(self, now: float) -> bool:
        """Whether the source is known to ignore requests: the last one that can be judged was not answered in time."""
        return self._verdict is False or (self._asked_at is not None and now - self._asked_at > ANSWER_WITHIN)

    def ask(self) -> None:
        """Request a keyframe, as soon as the interval allows it."""
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
        self._asked_at = now if self._asked_at is None else self._asked_at
        self.tried = True
        self.sent += 1
        return True

    def arrived(self, now: float, began: float | None = None) -> None:
        """Note that a whole keyframe is here, whose first packet came at *began* (*now* where that is not given)."""
        asked = self._asked_at
        if asked is not None and (now if began is None else began) > asked:  # what was on its way already is no answer
            self._verdict = now - asked <= ANSWER_WITHIN
        self._asked_at = None
        self.pending = False

    def new_source(self) -> None:
        """Begin with another source, of which nothing is known."""
        self.tried = False
        self._verdict = self._asked_at = None
        self._sent_at = float("-inf")
