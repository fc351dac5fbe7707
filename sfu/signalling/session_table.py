"""The sessions that HTTP can name: session URL secrets, and what a PATCH must be compared with.

A session leaves when its client deletes it or when it ends otherwise. The two differ for one minute: OBS closes DTLS
first and then sends the DELETE for which it wants a 200, while a second DELETE of a deleted session finds nothing.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from sfu.negotiation import IceCredentials, Negotiated

REMEMBERED_SECONDS = 60.0
MAX_REMEMBERED = 10_000
MAX_FORMER = 8


@dataclass(slots=True)
class Resource:
    """One session as its URL shows it."""

    secret: str = field(repr=False)
    session: str
    stream: str
    action: str
    negotiated: Negotiated = field(repr=False)
    etag: str
    """Without quotes."""
    local: IceCredentials
    remote: IceCredentials
    former: list[str] = field(default_factory=list)
    """The client's ufrags before its ICE restarts, the latest last."""
    restarted_at: float = float("-inf")

    def restart(self, local: IceCredentials, remote: IceCredentials, etag: str, now: float) -> None:
        """Take the credentials of an ICE restart; fragments for the old ones are late from now on."""
        self.former = [*self.former, self.remote.ufrag][-MAX_FORMER:]
        self.local, self.remote, self.etag, self.restarted_at = local, remote, etag, now


class Directory:
    """All resources of one node, by secret and by session."""

    def __init__(self) -> None:
        self._live: dict[str, Resource] = {}
        self._by_session: dict[str, Resource] = {}
        self._departed: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._live)

    def add(self, resource: Resource) -> None:
        """A session began."""
        self._live[resource.secret] = resource
        self._by_session[resource.session] = resource

    def find(self, secret: str) -> Resource | None:
        """The live session of *secret*."""
        return self._live.get(secret)

    def delete(self, resource: Resource) -> None:
        """The client ended the session: from now on its URL names nothing."""
        self._live.pop(resource.secret, None)
        self._by_session.pop(resource.session, None)

    def ended(self, session: str, now: float) -> None:
        """The session ended in another way than by DELETE; of a deleted or unknown one there is nothing to remember."""
        resource = self._by_session.pop(session, None)
        if resource is None:
            return
        self._live.pop(resource.secret, None)
        self._departed[resource.secret] = now + REMEMBERED_SECONDS
        self._forget(now)

    def take_departed(self, secret: str, now: float) -> bool:
        """Whether *secret* ended by itself of late and nobody has asked yet; the first DELETE for it is the last."""
        self._forget(now)
        return self._departed.pop(secret, None) is not None

    def _forget(self, now: float) -> None:
        while self._departed and (len(self._departed) > MAX_REMEMBERED or next(iter(self._departed.values())) <= now):
            self._departed.popitem(last=False)
