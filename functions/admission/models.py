"""What admission is asked for and answers as JSON: models for the OpenAPI document, and what tests hold the handler to.

The handler does not import them: a model library would double its cold start, so `asking` checks by hand. A test puts
the same bodies to both and compares.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from shared.messages import Name


class Asked(BaseModel):
    """A request: strict about types; fields that we do not know are ignored."""

    model_config = ConfigDict(frozen=True, strict=True, use_attribute_docstrings=True)


class Told(BaseModel):
    """A reply."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class _Session(Asked):
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


class PublishGrantRequest(_Session):
    """A grant to publish."""

    action: Literal["publish"]
    key: str
    """The stream key."""


class PlayGrantRequest(_Session):
    """A grant to watch."""

    action: Literal["play"]
    stream: str
    """The stream id."""


class GrantRequest(RootModel[Annotated[PublishGrantRequest | PlayGrantRequest, Field(discriminator="action")]]):
    """What is asked of `POST /v1/grants`."""

    model_config = ConfigDict(frozen=True, strict=True)


class GrantLimits(Told):
    """What holds for the session's stream."""

    viewers: int
    """Concurrent viewers."""
    kbps: int
    """Bitrate of the publisher, in kbit/s."""


class GrantReply(Told):
    """A grant, and where to use it."""

    grant: str
    """Single-use, for `expires_at` at most."""
    url: str
    """Post the offer to it with `?grant=`; RTMP, SRT and HLS: the node's address and the stream's path."""
    session: str
    expires_at: float
    """Seconds since the epoch."""
    node: str
    region: str
    limits: GrantLimits


class AnonymousReply(Told):
    """A free stream key with its secret: it is shown this once."""

    stream_key: str
    stream_id: str
    whip: str
    """Where to publish; the address carries the secret."""
    whep: str
    """Where to watch."""
