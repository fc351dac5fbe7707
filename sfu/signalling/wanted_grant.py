"""What a node asks the API for when a client brings no grant, and what the API may answer. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WantedGrant:
    """What a client without a grant wants; exactly one of *key* and *stream* is set."""

    action: str
    """`publish` or `play`."""
    protocol: str
    """`whip` or `whep`."""
    key: str | None = field(default=None, repr=False)
    """The stream key, a secret."""
    stream: str | None = None
    """The public stream id."""
    force: bool = False
    """To publish: end the session that publishes with the key now."""
    region: str | None = None
    """Where the client would like its node; None: it does not say."""
    wait: bool = False
    """To play: rather wait for a publisher than be told that there is none."""


@dataclass(frozen=True, slots=True)
class Granted:
    """The API's grant, and the node that it is for."""

    grant: str = field(repr=False)
    url: str
    """`{node}/{stream}/whip` or `…/whep`, without the grant."""
    node: str
    stream: str


@dataclass(frozen=True, slots=True)
class ApiRefusal:
    """The API's refusal, which the client is answered as it is."""

    status: int
    body: bytes
    headers: Mapping[str, str]
