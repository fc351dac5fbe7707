"""What the account endpoints answer."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from functions.edge.labels import Label
from shared.tiers import HlsEmbed, Tier


class Reply(BaseModel):
    """Frozen, and described field by field for the OpenAPI document."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Asked(BaseModel):
    """A request: strict, and a field that we do not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class NewKey(Asked):
    """A stream key to be made."""

    label: Label = ""
    protocols: list[Literal["whip", "rtmp", "srt"]] | None = Field(default=None, min_length=1, max_length=3)
    """What the key may publish by; null for whatever the account may."""


class Rotation(Asked):
    """How a key is rotated."""

    overlap_seconds: int = Field(default=0, ge=0, le=30 * 86400)
    """How long the old secret still publishes. 0: it ends now, with its session."""


class TokenRotation(Asked):
    """How the account's token is rotated."""

    overlap_seconds: int = Field(default=0, ge=0, le=30 * 86400)
    """How long the tokens that open the account now still do. 0: they end at once."""


EventType = Literal["stream.started", "stream.taken_over", "stream.ended", "publish.refused", "quota.passed"]


_WEBHOOK_URL = (
    r"^https://(?:(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.?"
    r"|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
    r"|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?:443|102[4-9]|10[3-9][0-9]|1[1-9][0-9]{2}|[2-9][0-9]{3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
    r"(?:[/?][!-\"$-\[\]-~]*)?$"
)
"""What of a URL's form can be said in one line, for the document; `functions.domain.destinations` decides, by host and address too."""


class WebhookWish(Asked):
    """Where events are to be sent."""

    url: str = Field(max_length=2048, json_schema_extra={"pattern": _WEBHOOK_URL})
    """`https://…`, with a public address behind it; port 443, or 1024 and above."""
    events: list[EventType] | None = Field(default=None, min_length=1, max_length=5)
    """Which ones; null for all, also those that come to be later."""


class WebhookRotation(Asked):
    """How a webhook's secret is rotated."""

    overlap_seconds: int = Field(default=86400, ge=0, le=30 * 86400)
    """How long messages carry a signature by the old secret too."""


_TEXT: JsonDict = {"type": "string"}
_NOTHING: JsonDict = {"type": "null"}


class DryRunRequest(Asked):
    """A publish or a play that might be asked for."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["stream_id"], "properties": {"stream_id": _TEXT, "stream_key": _NOTHING}},
                {
                    "required": ["stream_key"],
                    "properties": {"stream_key": _TEXT, "stream_id": _NOTHING, "action": {"const": "publish"}},
                },
            ]
        }
    )

    action: Literal["publish", "play"]
    stream_id: str | None = Field(default=None, max_length=64)
    """The stream: to play it, or to publish it with its present key."""
    stream_key: str | None = Field(default=None, max_length=128)
    """Instead of the stream: a secret, to learn whether it still publishes."""
    protocol: Literal["whip", "whep", "rtmp", "srt", "hls"] | None = None
    """WHIP to publish and WHEP to play, where it is left out."""
    force: bool = False
    region: str | None = Field(default=None, min_length=1, max_length=64)


CheckName = Literal["key", "stream", "protocol", "quota", "key_in_use", "live", "stream_limit", "viewers", "capacity"]


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


class Bytes(Reply):
    """Media bytes."""

    bytes: int
    received: int
    """From publishers."""
    sent: int
    """To viewers, retransmissions included."""


class DayUsage(Bytes):
    """The bytes of one day."""

    day: str | None
    """For example `2026-11-24`, UTC; null for bytes that no report assigned to a day."""


class StreamUsage(Bytes):
    """The bytes of one stream."""

    stream_id: str | None
    """null for bytes that no report assigned to a stream."""
    label: str
    """The label of its key."""


class UsageReply(Bytes):
    """A month's bytes: the days add up to them exactly, and so do the streams."""

    month: str
    quota_bytes: int
    """The present quota."""
    days: list[DayUsage]
    """In order."""
    streams: list[StreamUsage]
    """Largest first."""


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
    """Masked: its kind and first two characters."""
    stream_id: str
    label: str
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


class KeyCreated(Reply):
    """A stream key with its secret: it is shown this once."""

    stream_key: str
    stream_id: str
    label: str
    protocols: list[str] | None
    whip: str
    """Where to publish; the address carries the secret."""
    whep: str
    """Where to watch."""
    old_until: float | None = None
    """After a rotation: until when the old secret still publishes."""


class KeyRevoked(Reply):
    """A key that is revoked, or will be."""

    stream_id: str
    revoked_at: float


class TokenCreated(Reply):
    """The new token of the account: it is shown this once."""

    token: str
    old_until: float
    """Until when the one that asked for it still opens the account."""


class Delivery(Reply):
    """How the last delivery went."""

    at: float
    """Seconds since the epoch."""
    type: str
    error: str | None
    """Why the receiver did not take it; null where it did."""


class WebhookReply(Reply):
    """The account's webhook."""

    url: str
    events: list[str] | None
    """Which are sent; null for all."""
    created: float
    secret: str | None = None
    """`whsec_…`, in the answer that made the webhook only: it is shown this once."""
    old_secret_until: float | None = None
    """Until when messages carry a signature by the secret that a rotation replaced, too."""
    last: Delivery | None = None
    """The last delivery since the URL was set; brought up to date once a minute while nothing changes."""


class WebhookSecret(Reply):
    """The new secret of the webhook: it is shown this once."""

    secret: str
    old_secret_until: float


class WebhookTest(Reply):
    """A test message is on its way; how it went is at `last` of the webhook soon."""

    type: Literal["webhook.test"]
    sent_at: float


class KeysReply(Reply):
    """Every key that is not revoked, oldest first."""

    keys: list[KeySummary]


class Check(Reply):
    """One thing that admission asks."""

    check: CheckName
    passed: bool | None
    """null: not asked any more, because one before it failed."""
    saw: str
    """What it found, for a person."""


class DryRunReply(Reply):
    """What the publish or play would get now. Nothing was taken or written for it."""

    action: Literal["publish", "play"]
    protocol: str
    stream_id: str | None
    """null where the secret is no key of the account's."""
    would: Literal["admit", "refuse"]
    waits_seconds: float
    """How long its client would be kept waiting for the answer, if nothing else happens: for a publisher that fell silent."""
    node: str | None
    """Where an admitted session would be now."""
    region: str | None
    """The node's."""
    status: int | None
    """The refusal's HTTP status."""
    retry_after: int | None
    refusal: dict[str, object] | None
    """The refusal's body, word for word."""
    checks: list[Check]
    """In the order in which they decide; the first that fails is the refusal."""


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
    problem: str | None = None
    """What was wrong with what was sent, for example `B_FRAMES`; null where the code says it all."""
    say: str | None = None
    """What to do about the problem, in words for the streamer."""


class RefusalsReply(Reply):
    """The last refusals of each key within a day, newest first; one key has at most one in five seconds.

    A problem of what a session sends is among them once, with the code `UNSUPPORTED_OFFER`.
    """

    refusals: list[RefusalEntry]
