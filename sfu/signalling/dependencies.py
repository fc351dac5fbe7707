"""What the HTTP application needs of the rest of the node: protocols, and one frozen bundle of what satisfies them.

Signalling imports neither the media plane nor the client of the API; the composition root hands both in.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sfu.control.authorize import Authorizer
from sfu.control.handover import Reconnects
from sfu.layers import Layer
from sfu.negotiation import IceCredentials, LocalEndpoint, Negotiated, SourceDescription
from sfu.signalling.forwarded import Network
from sfu.signalling.http_sessions import HttpSessions
from sfu.signalling.ice_servers import IceServer
from sfu.signalling.wanted_grant import ApiRefusal, Granted, WantedGrant
from shared.messages import StreamReport
from shared.rate import Rate, RateLimit
from shared.refusals import Refused
from shared.verifier import VerifiedGrant


class BegunSession(Protocol):
    """A session that the media plane has begun, as far as its URL and its answer show it."""

    @property
    def id(self) -> str:
        """The session's id: the `jti` of its grant."""
        ...

    @property
    def secret(self) -> str:
        """The unguessable last segment of the session URL."""
        ...

    @property
    def etag(self) -> str:
        """The first entity tag, without quotes."""
        ...


class MediaControl(Protocol):
    """The media plane, as far as signalling drives it."""

    @property
    def local(self) -> LocalEndpoint:
        """What every answer prints about this node."""
        ...

    def new_credentials(self) -> IceCredentials:
        """Fresh ICE credentials for one session."""
        ...

    def source(self, stream: str) -> SourceDescription | None:
        """What *stream* carries now; None where nobody publishes it."""
        ...

    def publish(self, grant: VerifiedGrant, negotiated: Negotiated, now: float) -> BegunSession | Refused:
        """Begin a publisher's session, or say why it cannot begin. *now* is in seconds since the epoch."""
        ...

    def expected(self, stream: str) -> SourceDescription | None:
        """What *stream* carried last, while its viewers are kept; None: there is nothing to go by."""
        ...

    def play(
        self, grant: VerifiedGrant, negotiated: Negotiated, now: float, *, wait: float = 0.0, address: str = ""
    ) -> BegunSession | Refused:
        """Begin a session of the viewer at *address*, or say why it cannot begin.

        *wait* is for how many seconds the session may last before somebody publishes; 0: not at all.
        """
        ...

    def end(self, session_id: str, reason: str) -> bool:
        """End a session for *reason*; False where there is no such session."""
        ...


class IceRestarts(Protocol):
    """ICE restarts (RFC 8445, section 9), for a media plane that can do them."""

    def restart(self, session_id: str, local: IceCredentials) -> bool:
        """Accept checks under new credentials beside the old ones, until the first valid one; False: it cannot."""
        ...


class GrantSource(Protocol):
    """Asks the API for a grant on behalf of a client that brought none."""

    async def __call__(self, wanted: WantedGrant) -> Granted | ApiRefusal | Refused:
        """The grant, the API's refusal, or our own refusal where the API does not answer."""
        ...


async def _known_at_once(_session_id: str) -> None:
    """Where no control plane has to hear of a session's end, as in tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """All that the HTTP application is made of: the media plane, the API, clocks and randomness, and the node's settings."""

    node_id: str
    public_url: str
    """Where clients reach this node, without a trailing slash."""
    plane: MediaControl
    authorizer: Authorizer
    request_grant: GrantSource
    now: Callable[[], float]
    """Seconds since the epoch."""
    random_bytes: Callable[[int], bytes]
    sessions: HttpSessions = field(default_factory=HttpSessions)
    """Tell it of sessions that end by themselves: `sessions.ended(session_id, now)`, from the plane's `on_end`."""
    trusted_proxies: tuple[Network, ...] = ()
    """Peers whose word counts on where a request comes from."""
    reconnects: Reconnects = field(default_factory=Reconnects)
    """Which viewers are to be told to go elsewhere."""
    draining: Callable[[], bool] = lambda: False
    on_refused: Callable[[VerifiedGrant, str], None] = lambda _grant, _reason: None
    """A grant was used up without a session beginning: its slot is to be reported free."""
    until_end_is_known: Callable[[str], Awaitable[object]] = _known_at_once
    """Waits, a few seconds at most, until the control plane knows that a session has ended: whoever deletes a session may
    publish again at once, with another key too."""
    restarts: IceRestarts | None = None
    reports: Callable[[], Iterable[StreamReport]] | None = None
    """The live streams, for viewers' event streams; None: this node offers no event streams."""
    layers: Callable[[str], Sequence[Layer]] = lambda _stream: ()
    """The simulcast layers of a stream; empty where it has one picture only."""
    state: Callable[[str], Mapping[str, Any] | None] = lambda _session_id: None
    """How far a session came, for its own client, whose picture may be black; None: there is no such session."""
    playback_url: str = ""
    """Base of the playback addresses that we hand out (`WHEP` field, `reconnect` events), best the API's, which knows
    where a stream is live; the node's own where empty, and then nobody is told to reconnect."""
    ice_servers: tuple[IceServer, ...] = ()
    wait_seconds: float = 0.0
    """How long a viewer may wait for a publisher; 0: it is told that the stream is offline."""
    body_seconds: float = 5.0
    """How long the body of a request may take to arrive."""
    limit: RateLimit = field(default_factory=lambda: RateLimit(Rate(500, 1 / 50)))
    """How often one client address may post without a grant. Many viewers may share an address."""
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(publish or play, refusal code or `created`) -> how often; for the metrics."""
