"""Requests and replies about stream keys, and about the token that opens the account."""

from typing import Literal

from pydantic import Field

from functions.edge.bodies import ReplyBody, RequestBody
from functions.edge.labels import Label


class CreateKeyRequest(RequestBody):
    """A stream key to be made."""

    label: Label = ""
    """What the owner calls the key."""
    protocols: list[Literal["whip", "rtmp", "srt"]] | None = Field(default=None, min_length=1, max_length=3)
    """What the key may publish by; null for whatever the account may."""


class RotateKeyRequest(RequestBody):
    """How a key is rotated."""

    overlap_seconds: int = Field(default=0, ge=0, le=30 * 86400)
    """How long the old secret still publishes. 0: it ends now, with its session."""


class RotateTokenRequest(RequestBody):
    """How the account's token is rotated."""

    overlap_seconds: int = Field(default=0, ge=0, le=30 * 86400)
    """How long the tokens that open the account now still do. 0: they end at once."""


class KeySummary(ReplyBody):
    """A stream key without its secret, which nobody can read again."""

    stream_key: str
    """Masked: its kind and first two characters."""
    stream_id: str
    """The stream that the key publishes."""
    label: str
    """What the owner calls the key."""
    created: float
    """Seconds since the epoch."""
    live: bool
    """Whether it publishes now."""
    protocols: list[str] | None = None
    """What it may publish by; null for whatever the account may."""
    revoked_at: float | None = None
    """When it will be revoked; null where nothing is planned."""
    old_until: float | None = None
    """Until when the secret that a rotation replaced still publishes; null where there is none."""


class KeysReply(ReplyBody):
    """Every key that is not revoked, oldest first."""

    keys: list[KeySummary]
    """Ordered by when they were made."""


class KeyCreated(ReplyBody):
    """A stream key with its secret: it is shown this once."""

    stream_key: str
    """The secret: whoever has it can publish."""
    stream_id: str
    """The stream that the key publishes, which anybody may know."""
    label: str
    """What the owner calls the key."""
    protocols: list[str] | None
    """What it may publish by; null for whatever the account may."""
    whip: str
    """Where to publish; the address carries the secret."""
    whep: str
    """Where to watch."""
    old_until: float | None = None
    """After a rotation: until when the old secret still publishes."""


class KeyRevoked(ReplyBody):
    """A key that is revoked, or will be."""

    stream_id: str
    """The stream that the key publishes."""
    revoked_at: float
    """When the key and its session end, in seconds since the epoch."""


class TokenCreated(ReplyBody):
    """The new token of the account: it is shown this once."""

    token: str
    """The secret: whoever has it can do all that an owner can."""
    old_until: float
    """Until when the one that asked for it still opens the account."""
