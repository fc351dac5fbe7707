"""Hands this node's publishers and viewers over to other nodes: while it drains, and whenever a stream went elsewhere.

Driven by the answers to heartbeats, and by nothing else. The order, for each publisher of a draining node:
1. once the control plane knows another node with room, a heartbeat says that the session has ended, so that its slot is free;
2. when that was answered, the session is closed (BYE, close_notify): the encoder connects again and is placed elsewhere;
3. its viewers stay, as after any drop, until the control plane says that the stream is live on another node: those that
   listen for `reconnect` events get one and some seconds to leave, the others are closed, since that is what they understand.
What cannot be handed over stays here until the node's time to drain is over.
"""

import asyncio
import logging
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from sfu.control.heartbeat import HeartbeatSequence
from shared.end_reasons import EndReason
from shared.messages import MAX_WAITING, EndedReport, HeartbeatReply, StreamReport

log = logging.getLogger(__name__)

AT_ONCE: Final = 20
"""Publishers that are let go together: their encoders all come to the API at the same moment."""
FOLLOW_SECONDS: Final = 3.0
"""How long a viewer that was told to reconnect may stay: its player shows the old picture until the new one is there."""
LAST_CALL_SECONDS: Final = 0.3
"""Between the last `reconnect` events and the end, so that they are on their way."""


class WatchingSession(Protocol):
    """One viewer's session, as far as a handover has to know it."""

    @property
    def id(self) -> str:
        """The session's id, which is the grant's."""
        ...

    @property
    def secret(self) -> str:
        """The secret in the session's URL."""
        ...


class MovableSessions(Protocol):
    """The sessions of the media plane, as far as a handover looks at them and ends them."""

    def streams(self) -> list[StreamReport]:
        """Every live publish session, as heartbeats tell it."""
        ...

    def watching(self, stream: str | None = None) -> Sequence[WatchingSession]:
        """The viewers' sessions of *stream*, or those of all streams."""
        ...

    def stranded(self) -> Iterable[str]:
        """The streams that have viewers here and no publisher."""
        ...

    def end(self, session_id: str, reason: str) -> bool:
        """End a session; False when there is none."""
        ...


class Reconnects:
    """Which viewers shall reconnect elsewhere, for their event streams (`sfu.signalling.subscriptions`) to tell them."""

    def __init__(self) -> None:
        self.moved: frozenset[str] = frozenset()
        """Streams whose viewers are to go on elsewhere."""
        self._listening: Counter[str] = Counter()
        """Session secret -> open event streams that would tell of it."""
        self._listeners: list[Callable[[], None]] = []

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call *listener* whenever `moved` changes, for as long as this lives."""
        self._listeners.append(listener)

    def begin_listening(self, secret: str) -> None:
        """Note that an event stream of the session with *secret* would tell its viewer to reconnect."""
        self._listening[secret] += 1

    def end_listening(self, secret: str) -> None:
        """Note that an event stream of the session with *secret* is over."""
        self._listening[secret] -= 1
        if self._listening[secret] <= 0:
            del self._listening[secret]

    def is_listening(self, secret: str) -> bool:
        """Whether the viewer whose session has *secret* would be told to reconnect."""
        return secret in self._listening

    def has_listeners(self) -> bool:
        """Whether any viewer would be told to reconnect."""
        return bool(self._listening)

    def set(self, moved: frozenset[str]) -> None:
        """The viewers of the streams *moved* shall reconnect elsewhere, and no others."""
        if moved != self.moved:
            self.moved = moved
            for listener in self._listeners:
                listener()


class Handover:
    """Decides which sessions of one node are handed over, and when; *stopping* says whether the process was told to stop."""

    def __init__(
        self, sessions: MovableSessions, beats: HeartbeatSequence, reconnects: Reconnects, stopping: Callable[[], bool]
    ) -> None:
        self._sessions = sessions
        self._beats = beats
        self.reconnects = reconnects
        self._stopping = stopping
        self._leaving: set[str] = set()
        """Publish sessions that the control plane hears of as ended, and that go on until it has."""
        self._named: tuple[str, ...] = ()
        """Streams that the last heartbeat asked about."""
        self._sent: frozenset[str] = frozenset()
        """Viewers that were sent after a stream, which is elsewhere still."""
        self._asked = False
        """Whether the operator wants this node empty."""
        self.published = 0
        """Publishers that were let go."""
        self.moved = 0
        """Viewers that were sent after their streams."""

    @property
    def draining(self) -> bool:
        """Whether this node refuses new sessions."""
        return self._asked or self._stopping()

    def reported(self) -> list[StreamReport]:
        """The live publish sessions that heartbeats tell of: without those that are being let go."""
        return [report for report in self._sessions.streams() if report.session not in self._leaving]

    def waiting(self) -> tuple[str, ...]:
        """Streams to ask about: where they are too many for one heartbeat, those whose turn it is."""
        stranded = sorted(self._sessions.stranded())
        turn = bisect(stranded, self._named[-1]) if self._named and len(stranded) > MAX_WAITING else 0
        self._named = tuple((stranded[turn:] + stranded[:turn])[:MAX_WAITING])
        return self._named

    def heard(self, reply: HeartbeatReply) -> None:
        """Act on the answer to a heartbeat: drain or not, let publishers go, send viewers after their streams."""
        self._obey(drain=reply.drain)
        self._close_told()
        unasked = self.reconnects.moved.difference(self._named)
        self._follow(unasked.union(reply.moved).intersection(self._sessions.stranded()))
        if reply.successor and self.draining:
            self._let_go()

    async def last_call(self) -> None:
        """Tell every viewer that listens for `reconnect` events to go elsewhere: the node ends now."""
        if self.reconnects.has_listeners():
            streams = {report.stream for report in self._sessions.streams()} | set(self._sessions.stranded())
            self.reconnects.set(frozenset(streams))
            await asyncio.sleep(LAST_CALL_SECONDS)

    def _obey(self, *, drain: bool) -> None:
        if drain == self._asked:
            return
        self._asked = drain
        log.info("the operator drains this node" if drain else "the operator lets this node serve again")
        if not self._stopping():
            self._beats.enter("draining" if drain else "serving")

    def _let_go(self) -> None:
        for report in self.reported()[: max(0, AT_ONCE - len(self._leaving))]:
            self._leaving.add(report.session)
            self._beats.ended(
                EndedReport(
                    session=report.session,
                    stream=report.stream,
                    account=report.account,
                    action="publish",
                    reason=EndReason.HANDOVER,
                )
            )

    def _close_told(self) -> None:
        for session in [one for one in self._leaving if not self._beats.untold(one)]:
            self.published += self._sessions.end(session, EndReason.HANDOVER)
            self._leaving.discard(session)

    def _follow(self, moved: frozenset[str]) -> None:
        self.reconnects.set(moved)
        loop = asyncio.get_running_loop()
        viewers = [(stream, viewer) for stream in moved for viewer in self._sessions.watching(stream)]
        before, self._sent = self._sent, frozenset(viewer.id for _, viewer in viewers)
        for stream, viewer in viewers:
            if viewer.id in before:
                continue
            self.moved += 1
            if self.reconnects.is_listening(viewer.secret):
                loop.call_later(FOLLOW_SECONDS, self._end_moved, stream, viewer.id)
            else:
                self._sessions.end(viewer.id, EndReason.MOVED)

    def _end_moved(self, stream: str, viewer: str) -> None:
        if stream in self.reconnects.moved:  # its publisher may have come back here meanwhile
            self._sessions.end(viewer, EndReason.MOVED)
