"""What the account endpoints answer."""

from pydantic import BaseModel, ConfigDict, Field

from shared.tiers import HlsEmbed, Tier


class Reply(BaseModel):
    """Frozen, and described field by field for the OpenAPI document."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class AccountLimits(Reply):
    """What the account may use: its tier's limits with the operator's overrides."""

    streams: int
    """Concurrent publish sessions."""
    bytes: int
    """Media bytes a UTC month, both directions."""
    viewers: int
    """Concurrent viewers of one stream."""
    kbps: int
    """Bitrate of one publisher, in kbit/s."""
    protocols: list[str]
    hls_embed: HlsEmbed


class MonthUsage(Reply):
    """The month's media bytes against the quota."""

    month: str
    """The UTC month, for example `2026-11`."""
    bytes: int = Field(ge=0)
    """Received from publishers plus sent to viewers, exact up to the nodes' last reports."""
    quota_bytes: int
    percentage_used: float
    blocked: bool
    """Whether the quota is used up, so that nothing can be published or watched this month."""
    resets_at: float
    """When counting begins anew, in seconds since the epoch."""


class LiveStream(Reply):
    """One stream that is live now."""

    stream_id: str
    viewers: int
    limit: int
    """How many may watch at a time."""
    since: float
    """When the publisher began, in seconds since the epoch."""
    kbps: int
    """What the publisher sends now, in kbit/s."""
    node: str
    region: str


class AccountReply(Reply):
    """The account at a glance."""

    account: str
    tier: Tier
    limits: AccountLimits
    usage: MonthUsage
    streams: list[LiveStream]
    """Live streams, oldest first."""


class KeySummary(Reply):
    """A stream key without its secret, which nobody can read again."""

    stream_key: str
    """Masked."""
    stream_id: str
    label: str
    created: float
    """Seconds since the epoch."""
    live: bool
    """Whether it publishes now."""


class KeysReply(Reply):
    """Every key that is not revoked, oldest first."""

    keys: list[KeySummary]


class RefusalEntry(Reply):
    """One refused attempt to publish with a key of the account."""

    at: float
    """Seconds since the epoch."""
    stream_id: str
    """The stream of the key."""
    label: str
    """The key's."""
    code: str
    """The code that the client was given, for example `KEY_ALREADY_IN_USE`."""
    protocol: str
    address: str
    """The client's network: a /24, or an IPv6 /48. Behind a node's own address it is the node's."""


class RefusalsReply(Reply):
    """The last refusals of each key within a day, newest first; one key has at most one in five seconds."""

    refusals: list[RefusalEntry]
