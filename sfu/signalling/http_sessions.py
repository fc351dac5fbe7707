"""The sessions that HTTP can name: the secrets of their URLs, and what a PATCH must be compared with. Pure.

A session leaves when its client deletes it or when it ends otherwise. The two differ for one minute: OBS closes DTLS
first and then sends the DELETE for which it wants a 200, while a second DELETE of a deleted session finds nothing.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from sfu.negotiation import IceCredentials, Negotiated

REMEMBERED_SECONDS = 60.0
"""How long a session that ended by itself can still be deleted."""
MAX_REMEMBERED = 10_000
"""Such sessions; the oldest is forgotten first."""
MAX_FORMER = 8
"""Former ufrags of one session, by which late fragments are known."""


@dataclass(slots=True)
class HttpSession:
    """One session as its URL shows it: the WHIP or WHEP session of RFC 9725, section 4.2."""

    secret: str = field(repr=False)
    """The last segment of the URL: whoever knows it may end the session."""
    id: str
    """The session's id, which logs and the control plane know."""
    stream: str
    action: str
    negotiated: Negotiated = field(repr=False)
    etag: str
    """The entity tag of the current ICE credentials, without quotes."""
    local: IceCredentials
    remote: IceCredentials
    former: list[str] = field(default_factory=list)
    """The client's ufrags before its ICE restarts, the latest last."""
    restarted_at: float = float("-inf")

    def restart(self, local: IceCredentials, remote: IceCredentials, etag: str, now: float) -> None:
        """Take the credentials of an ICE restart; fragments for the old ones are late from now on."""
        self.former = [*self.former, self.remote.ufrag][-MAX_FORMER:]
        self.local, self.remote, self.etag, self.restarted_at = local, remote, etag, now


class HttpSessions:
    """Finds a node's sessions by the secret of their URL and by their id."""

    def __init__(self) -> None:
        self._live: dict[str, HttpSession] = {}
        self._by_id: dict[str, HttpSession] = {}
        self._departed: OrderedDict[str, float] = OrderedDict()
        """Secrets of sessions that ended by themselves, and until when they are remembered."""

    def __len__(self) -> int:
        return len(self._live)

    def add(self, session: HttpSession) -> None:
        """Take in a session that began."""
        self._live[session.secret] = session
        self._by_id[session.id] = session

    def find(self, secret: str) -> HttpSession | None:
        """The live session with *secret* in its URL; None where there is none."""
        return self._live.get(secret)

    def delete(self, session: HttpSession) -> None:
        """The client ended the session: from now on its URL names nothing."""
        self._live.pop(session.secret, None)
        self._by_id.pop(session.id, None)

    def ended(self, session_id: str, now: float) -> None:
        """The session ended in another way than by DELETE; of a deleted or unknown one there is nothing to remember."""
        session = self._by_id.pop(session_id, None)
        if session is None:
            return
        self._live.pop(session.secret, None)
        self._departed[session.secret] = now + REMEMBERED_SECONDS
        self._forget(now)

    def take_departed(self, secret: str, now: float) -> bool:
        """Whether *secret* ended by itself of late and nobody has asked yet; the first DELETE for it is the last."""
        self._forget(now)
        return self._departed.pop(secret, None) is not None

    def _forget(self, now: float) -> None:
        while self._departed and (len(self._departed) > MAX_REMEMBERED or next(iter(self._departed.values())) <= now):
            self._departed.popitem(last=False)
