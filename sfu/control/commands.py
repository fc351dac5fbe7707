"""Carries out what the control plane commands: end a session, a stream or an account, for a reason.

`sfu.control.heartbeat` sees to it that each command comes here once. A target that is not here is not an error: it ended while
the command was on its way, and that is what was wanted.
"""

import logging
from collections.abc import Callable
from typing import Protocol

from shared.messages import Command

log = logging.getLogger(__name__)


class EndsSessions(Protocol):
    """What can end sessions: the media plane, or the MediaMTX beside the reporter."""

    def end_where(
        self, *, session: str | None = None, stream: str | None = None, account: str | None = None, reason: str
    ) -> int:
        """End the sessions that match the one target that is given, and say how many that were."""


def executor(plane: EndsSessions) -> Callable[[Command], None]:
    """A function that carries out one command on *plane*."""

    def execute(command: Command) -> None:
        ended = plane.end_where(
            session=command.session, stream=command.stream, account=command.account, reason=command.reason
        )
        log.info(
            "command carried out",
            extra={
                "command": command.id,
                "reason": command.reason,
                "session": command.session,
                "stream": command.stream,
                "account": command.account,
                "ended": ended,
            },
        )

    return execute
