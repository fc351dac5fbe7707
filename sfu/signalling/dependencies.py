"""What the HTTP application needs of the rest of the node: Protocols, and one frozen bundle of them."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sfu.control.authorize import Authorizer
from sfu.control.handover import Reconnects
from sfu.layers import Layer
from sfu.negotiation import IceCredentials, LocalEndpoint, Negotiated, SourceDescription
from sfu.signalling.forwarded import Network
from sfu.signalling.ice_servers import IceServer
from sfu.signalling.session_table import Directory
from shared.messages import StreamReport
from shared.rate import Rate, RateLimit
from shared.refusals import Refused
from shared.verifier import VerifiedGrant


class Session(Protocol):
    """A session that the media plane has begun."""

    @property
    def id(self) -> str:
        """The grant's session id."""
        ...

    @property
    def secret(self) -> str:
        """The unguessable last segment of the session URL."""
        ...

    @property
    def etag(self) -> str:
        """The first entity tag, without quotes."""
        ...


class Plane(Protocol):
    """The media plane, as far as signalling drives it."""

    @property
    def local(self) -> LocalEndpoint:
        """What every answer prints about this node."""
        ...

    def new_credentials(self) -> IceCredentials:
        """Fresh ICE credentials for one session."""
        ...

    def source(self, stream: str) -> SourceDescription | None:
        """What *stream* carries now; None when it is offline."""
        ...

    def publish(self, grant: VerifiedGrant, negotiated: Negotiated, now: float) -> Session | Refused:
        """Begin a publisher's session."""
        ...

    def expected(self, stream: str) -> SourceDescription | None:
        """What *stream* carried last, while its viewers are kept; None: there is nothing to go by."""
        ...

    def play(
        self, grant: VerifiedGrant, negotiated: Negotiated, now: float, *, wait: float = 0.0, address: str = ""
    ) -> Session | Refused:
        """Begin a session of the viewer at *address*; with *wait*, for so many seconds before somebody publishes."""
        ...

    def end(self, session_id: str, reason: str) -> bool:
        """End a session; False when there is none."""
        ...


class Restarts(Protocol):
    """ICE restarts, for a media plane that can do them."""

    def restart(self, session_id: str, local: IceCredentials, remote: IceCredentials, now: float) -> bool:
        """Accept checks under new credentials beside the old ones, until the first valid one; False: it cannot."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client without a grant asks for; exactly one of *key* and *stream* is set."""

    action: str
    protocol: str
    key: str | None = field(default=None, repr=False)
    stream: str | None = None
    force: bool = False
    region: str | None = None
    wait: bool = False
    """To play: rather wait for a publisher than be told that there is none."""


@dataclass(frozen=True, slots=True)
class Granted:
    """The API's grant."""

    grant: str = field(repr=False)
    url: str
    """`{node}/{stream}/whip`, without the grant."""
    node: str
    stream: str


@dataclass(frozen=True, slots=True)
class PassedThrough:
    """The API's refusal, to be answered as it is."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Exchange(Protocol):
    """Asks the API for a grant."""

    async def __call__(self, wanted: Wanted) -> Granted | PassedThrough | Refused:
        """The grant, the API's refusal, or our own where the API does not answer."""
        ...


async def _nobody_to_tell(_session_id: str) -> None:
    """For a node without a control plane, as in tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """All that the application is made of."""

    node_id: str
    public_url: str
    """Where clients reach this node, without a trailing slash."""
    plane: Plane
    authorizer: Authorizer
    exchange: Exchange
    now: Callable[[], float]
    """Seconds since the epoch."""
    random_bytes: Callable[[int], bytes]
    directory: Directory = field(default_factory=Directory)
    """Tell it of sessions that end by themselves: `directory.ended(session_id, now)`, from the plane's `on_end`."""
    trusted_proxies: tuple[Network, ...] = ()
    """Peers whose word counts on where a request comes from."""
    reconnects: Reconnects = field(default_factory=Reconnects)
    """Which viewers are to be told to go elsewhere."""
    draining: Callable[[], bool] = lambda: False
    on_refused: Callable[[VerifiedGrant, str], None] = lambda _grant, _reason: None
    """A grant was used up without a session beginning: its slot is to be reported free."""
    told: Callable[[str], Awaitable[object]] = _nobody_to_tell
    """Waits, not for long, until the control plane knows that a session has ended: whoever deletes a session may publish
    again with another key at once."""
    restarts: Restarts | None = None
    reports: Callable[[float], Iterable[StreamReport]] | None = None
    """The live streams, for viewers' event streams; None: there are no such streams."""
    layers: Callable[[str], Sequence[Layer]] = lambda _stream: ()
    """The simulcast layers of a stream."""
    state: Callable[[str], Mapping[str, Any] | None] = lambda _session_id: None
    """How far a session came, for its own client ('why is it black'); None: it is not known."""
    playback_url: str = ""
    """Base of the playback addresses that we hand out (`WHEP` field, `reconnect` events), best the API's, which knows
    where a stream is live; the node's own where empty, and then nobody is told to reconnect."""
    ice_servers: tuple[IceServer, ...] = ()
    wait_seconds: float = 0.0
    """How long a viewer may wait for a publisher; 0: it is told that the stream is offline."""
    body_seconds: float = 5.0
    """How long a body may take."""
    limit: RateLimit = field(default_factory=lambda: RateLimit(Rate(500, 1 / 50)))
    """Of requests without a grant, by client address. Many viewers may share one."""
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(publish or play, refusal code or `created`) -> how often; for the metrics."""
