"""Tells everybody concerned that a session ended: the control plane, the queue, the session URLs, the metrics, the log.

A grant that was used up without a session beginning is an ending too: its slot is held until the control plane hears.
"""

import logging
from collections.abc import Callable
from typing import Literal

from sfu.control.heartbeat import HeartbeatSequence
from sfu.control.heartbeat_sender import HeartbeatSender
from sfu.control.usage import UsageReporter
from sfu.plane.session import Ended
from sfu.signalling.http_sessions import HttpSessions
from shared.messages import EndedReport
from shared.verifier import VerifiedGrant

log = logging.getLogger(__name__)

MAX_REASON = 64
"""What `EndedReport` takes."""


class EndNotices:
    """Hooks for the media plane (`ended`) and for signalling (`refused`)."""

    def __init__(
        self,
        beats: HeartbeatSequence,
        uplink: HeartbeatSender,
        usage: UsageReporter,
        sessions: HttpSessions,
        count: Callable[[str, str], None],
        wall_clock: Callable[[], float],
    ) -> None:
        self._beats = beats
        self._uplink = uplink
        self._usage = usage
        self._sessions = sessions
        self._count = count
        self._wall_clock = wall_clock

    def ended(self, ended: Ended) -> None:
        """A session that had begun is over."""
        log.info(
            "session ended",
            extra={
                "session": ended.session,
                "stream": ended.stream,
                "account": ended.account,
                "action": ended.action,
                "reason": ended.reason,
                "received": ended.received,
                "sent": ended.sent,
                "seconds": round(ended.seconds, 3),
            },
        )
        self._sessions.ended(ended.session, self._wall_clock())
        self._count(ended.action, ended.reason)
        self._tell(ended.session, ended.stream, ended.account, ended.action, ended.reason)
        self._usage.poke()

    def refused(self, grant: VerifiedGrant, reason: str) -> None:
        """A grant was used up and no session began."""
        claims = grant.claims
        log.info(
            "session refused",
            extra={
                "session": claims.session,
                "stream": claims.stream,
                "account": claims.account,
                "action": claims.action.value,
                "reason": reason,
            },
        )
        self._tell(claims.session, claims.stream, claims.account, claims.action.value, reason)

    def _tell(self, session: str, stream: str, account: str, action: Literal["publish", "play"], reason: str) -> None:
        self._beats.ended(
            EndedReport(session=session, stream=stream, account=account, action=action, reason=reason[:MAX_REASON])
        )
        self._uplink.wake()
