"""What the public endpoints answer."""

from pydantic import BaseModel, ConfigDict, Field

from shared.tiers import HlsEmbed, Tier


class Reply(BaseModel):
    """Frozen, and described field by field for the OpenAPI document."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class ProblemState(Reply):
    """Something that the owner should mend in the encoder."""

    code: str
    """For example `B_FRAMES`."""
    say: str
    """What is wrong and what to do, in words for the streamer."""


class StreamState(Reply):
    """What anybody may know of a stream."""

    stream_id: str
    live: bool
    """Whether somebody publishes it now."""
    viewers: int = Field(ge=0)
    limit: int = Field(ge=0)
    """How many may watch at a time."""
    since: float | None
    """Seconds since the epoch at which the publisher began; null when offline."""
    problems: list[ProblemState] = []
    """What is wrong with what the publisher sends, or why the last session was ended."""


class TierLimits(Reply):
    """One tier of the table."""

    tier: Tier
    streams: int
    """Concurrent publish sessions."""
    bytes: int
    """Media bytes a UTC month, both directions; 1 GB is 10^9."""
    viewers: int
    """Concurrent viewers of one stream."""
    kbps: int
    """Bitrate of one publisher, in kbit/s."""
    protocols: list[str]
    hls_embed: HlsEmbed
    """Where an HLS player may be embedded: nowhere, on listed hosts, anywhere."""


class Tiers(Reply):
    """Every tier, smallest first."""

    tiers: list[TierLimits]
    hls_embed_hosts: list[str]
    """The hosts that `listed` means."""


class PublicKey(Reply):
    """An Ed25519 key as a JWK (RFC 8037)."""

    kty: str
    crv: str
    x: str
    kid: str
    alg: str = "EdDSA"
    use: str = "sig"


class JwkSet(Reply):
    """A JWK Set (RFC 7517): what grants are verified with."""

    keys: list[PublicKey]
