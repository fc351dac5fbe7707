"""What the public endpoints answer: streams, tiers and public keys."""

from pydantic import Field

from functions.edge.bodies import ReplyBody
from shared.tiers import HlsEmbed, Tier


class ProblemState(ReplyBody):
    """Something that the owner should mend in the encoder."""

    code: str
    """For example `B_FRAMES`."""
    say: str
    """What is wrong and what to do, in words for the streamer."""


class StreamState(ReplyBody):
    """What anybody may know of a stream."""

    stream_id: str
    """The public id."""
    live: bool
    """Whether somebody publishes it now."""
    viewers: int = Field(ge=0)
    """How many watch, by the node's last report."""
    limit: int = Field(ge=0)
    """How many may watch at a time."""
    since: float | None
    """Seconds since the epoch at which the publisher began; null when offline."""
    problems: list[ProblemState] = Field(default_factory=list)
    """What is wrong with what the publisher sends, or why the last session was ended."""


class TierLimits(ReplyBody):
    """One tier of the table."""

    tier: Tier
    """The name of the tier."""
    streams: int
    """Concurrent publish sessions."""
    bytes: int
    """Media bytes a UTC month, both directions; 1 GB is 10^9."""
    viewers: int
    """Concurrent viewers of one stream."""
    kbps: int
    """Bitrate of one publisher, in kbit/s."""
    protocols: list[str]
    """What an account of the tier may publish and play by."""
    hls_embed: HlsEmbed
    """Where an HLS player may be embedded: nowhere, on listed hosts, anywhere."""


class Tiers(ReplyBody):
    """Every tier with its limits, smallest first."""

    tiers: list[TierLimits]
    """Smallest first."""
    hls_embed_hosts: list[str]
    """The hosts that `listed` means."""


class PublicKey(ReplyBody):
    """An Ed25519 key as a JWK (RFC 8037)."""

    kty: str
    """`OKP`, as RFC 8037 has it."""
    crv: str
    """`Ed25519`, the curve."""
    x: str
    """The public key, base64url without padding."""
    kid: str
    """The id that a grant's header names the key by."""
    alg: str = "EdDSA"
    """The algorithm (RFC 8037, section 3.1)."""
    use: str = "sig"
    """Signatures."""


class JwkSet(ReplyBody):
    """A JWK Set (RFC 7517): what grants are verified with."""

    keys: list[PublicKey]
    """More than one while keys are rotated."""
