"""Tells everybody concerned that a session ended: the control plane, the queue, the session URLs, the metrics, the log.

A grant that was used up without a session beginning is an ending too: its slot is held until the control plane hears.
"""

import logging
from collections.abc import Callable
from typing import Literal

from sfu.control.link import Link
from sfu.plane.session import Ended
from sfu.signalling.http_sessions import HttpSessions
from shared.messages import EndedReport
from shared.verifier import VerifiedGrant

log = logging.getLogger(__name__)

MAX_REASON = 64
"""Characters of a reason that `EndedReport` takes."""


class EndNotices:
    """Tells the link, the session URLs, the metrics and the log of each end: the media plane calls `ended`, signalling `refused`."""

    def __init__(
        self,
        link: Link,
        http_sessions: HttpSessions,
        count: Callable[[str, str], None],
    ) -> None:
        self._link = link
        self._sessions = http_sessions
        self._count = count

    def ended(self, ended: Ended) -> None:
        """Tell everybody that a session which had begun is over."""
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
        self._sessions.ended(ended.session, self._link.clock())
        self._count(ended.action, ended.reason)
        self._link.ended(_report(ended.session, ended.stream, ended.account, ended.action, ended.reason))

    def refused(self, grant: VerifiedGrant, reason: str) -> None:
        """Tell the control plane that a grant was used up and no session began, so that the slot is freed."""
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
        self._link.never_began(_report(claims.session, claims.stream, claims.account, claims.action.value, reason))


def _report(session: str, stream: str, account: str, action: Literal["publish", "play"], reason: str) -> EndedReport:
    return EndedReport(session=session, stream=stream, account=account, action=action, reason=reason[:MAX_REASON])
