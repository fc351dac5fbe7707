"""What an owner sees at a glance: the account's limits, the month's usage, what is live, and why encoders were refused."""

from pydantic import Field

from functions.edge.bodies import ReplyBody
from shared.tiers import HlsEmbed, Tier


class AccountLimits(ReplyBody):
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
    """What the account may publish and play by, of `whip`, `whep`, `rtmp`, `srt` and `hls`."""
    hls_embed: HlsEmbed
    """Where an HLS player may be embedded: nowhere, on listed hosts, anywhere."""


class MonthUsage(ReplyBody):
    """The month's media bytes against the quota."""

    month: str
    """The UTC month, for example `2026-11`."""
    bytes: int = Field(ge=0)
    """Received from publishers plus sent to viewers, exact up to the nodes' last reports."""
    quota_bytes: int
    """What the account may use in a month."""
    percentage_used: float
    """Of the quota; more than 100 where the last sessions went beyond it."""
    blocked: bool
    """Whether the quota is used up, so that nothing can be published or watched this month."""
    resets_at: float
    """When counting begins anew, in seconds since the epoch."""


class LiveStream(ReplyBody):
    """One stream that is live now."""

    stream_id: str
    """The public id, by which it is watched."""
    viewers: int
    """How many watch, by the node's last report."""
    limit: int
    """How many may watch at a time."""
    since: float
    """When the publisher began, in seconds since the epoch."""
    kbps: int
    """What the publisher sends now, in kbit/s."""
    node: str
    """The id of the node that carries it."""
    region: str
    """The region of that node."""


class AccountReply(ReplyBody):
    """The account at a glance."""

    account: str
    """The id of the account."""
    tier: Tier
    """What the account's limits come from, before overrides."""
    limits: AccountLimits
    usage: MonthUsage
    streams: list[LiveStream]
    """Live streams, oldest first."""


class RefusalEntry(ReplyBody):
    """One refused attempt to publish with a key of the account."""

    at: float
    """Seconds since the epoch."""
    stream_id: str
    """The stream of the key."""
    label: str
    """The label of the key."""
    code: str
    """The code that the client was given, for example `KEY_ALREADY_IN_USE`."""
    protocol: str
    """What the client wanted to publish by."""
    address: str
    """The client's network: a /24, or an IPv6 /48. Behind a node's own address it is the node's."""
    problem: str | None = None
    """What was wrong with what was sent, for example `B_FRAMES`; null where the code says it all."""
    say: str | None = None
    """What to do about the problem, in words for the streamer."""


class RefusalsReply(ReplyBody):
    """The last refusals of each key within a day, newest first; one key has at most one in five seconds.

    A problem of what a session sends is among them once, with the code `UNSUPPORTED_OFFER`.
    """

    refusals: list[RefusalEntry]
    """Newest first, of all keys together."""
