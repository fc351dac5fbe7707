"""When a source is asked for a keyframe.

Pure. Requests are coalesced per source: at most one each INTERVAL, a request in between is remembered and sent at
the end of the window, and it is repeated until a keyframe arrives (whip-whep.md, P18). Whether a source answers is judged by
the first request of such a row: any keyframe comes soon after the last one.
"""

from typing import Final

INTERVAL: Final = 0.5
TRIES: Final = 20
"""After this many unanswered requests the source evidently ignores them (OBS, FFmpeg): wait for its interval."""
ANSWER_WITHIN: Final = 1.0


class KeyframeRequests:
    """The requests to one source of video."""

    __slots__ = ("_asked_at", "_sent_at", "_tries", "_verdict", "pending", "sent", "tried")

    def __init__(self) -> None:
        self.pending = False
        self.sent = 0
        self.tried = False
        """This source was asked at all."""
        self._asked_at: float | None = None
        """When the first of the requests that are not answered yet was sent."""
        self._sent_at = float("-inf")
        self._tries = 0
        self._verdict: bool | None = None
        """Whether the last request that can be judged was answered in time."""

    @property
    def responsive(self) -> bool:
        """A keyframe came within ANSWER_WITHIN of the last request that can be judged."""
        return self._verdict is True

    def ignored(self, now: float) -> bool:
        """Whether the source is known to ignore requests: the last one that can be judged was not answered in time."""
        return self._verdict is False or (self._asked_at is not None and now - self._asked_at > ANSWER_WITHIN)

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
        self._asked_at = now if self._asked_at is None else self._asked_at
        self.tried = True
        self.sent += 1
        return True

    def arrived(self, now: float, began: float | None = None) -> None:
        """A keyframe is here, whose first packet came at *began* (*now* where it is not said)."""
        asked = self._asked_at
        if asked is not None and (now if began is None else began) > asked:  # what was on its way already is no answer
            self._verdict = now - asked <= ANSWER_WITHIN
        self._asked_at = None
        self.pending = False

    def new_source(self) -> None:
        """Another source: nothing is known of it."""
        self.tried = False
        self._verdict = self._asked_at = None
        self._sent_at = float("-inf")
