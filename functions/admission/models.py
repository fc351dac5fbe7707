"""What admission is asked for and answers as JSON: models for the OpenAPI document.

The handler does not import them: a model library would double its cold start, so `grant_request` checks by hand. A test
(tests/functions/public/test_schema.py) holds the handler to what they describe.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, RootModel

from functions.edge.bodies import OpenRequestBody, ReplyBody
from shared.messages import Name


class _GrantRequest(OpenRequestBody):
    protocol: Literal["whip", "whep", "rtmp", "srt", "hls"] | None = None
    """`whip` to publish and `whep` to play, where left out."""
    force: bool | None = False
    """Override a publisher that uses the key now."""
    wait: bool | None = False
    """Where nobody publishes, rather wait at a node than be told so; for players."""
    region: Name | None = None
    """The region whose nodes are preferred."""
    node: Name | None = None
    """The node that asks for itself."""
    idempotency_key: Annotated[str | None, Field(pattern=r"^[ -+\--~]{1,255}$")] = None
    """The same request again gets the same session."""


class PublishGrantRequest(_GrantRequest):
    """A grant to publish, for who has the stream key."""

    action: Literal["publish"]
    """What the session does."""
    key: str
    """The stream key."""


class PlayGrantRequest(_GrantRequest):
    """A grant to watch, for anybody who knows the stream."""

    action: Literal["play"]
    """What the session does."""
    stream: str
    """The stream id."""


class GrantRequest(RootModel[Annotated[PublishGrantRequest | PlayGrantRequest, Field(discriminator="action")]]):
    """What is asked of `POST /v1/grants`."""

    model_config = ConfigDict(frozen=True, strict=True)


class GrantLimits(ReplyBody):
    """What holds for the session's stream."""

    viewers: int
    """Concurrent viewers."""
    kbps: int
    """Bitrate of the publisher, in kbit/s."""


class GrantReply(ReplyBody):
    """A grant, and where to use it."""

    grant: str
    """Single-use, for `expires_at` at most."""
    url: str
    """Post the offer to it with `?grant=`; RTMP, SRT and HLS: the node's address and the stream's path."""
    session: str
    """The id of the session that the grant is for."""
    expires_at: float
    """Until when the grant can begin a session, in seconds since the epoch."""
    node: str
    """The id of the node that accepts the grant."""
    region: str
    """The region of that node."""
    limits: GrantLimits


class AnonymousReply(ReplyBody):
    """A free stream key with its secret: it is shown this once."""

    stream_key: str
    """The secret: whoever has it can publish."""
    stream_id: str
    """The stream that the key publishes, which anybody may know."""
    whip: str
    """Where to publish; the address carries the secret."""
    whep: str
    """Where to watch."""
