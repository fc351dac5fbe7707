"""Requests and replies of the operator's API."""

from typing import Annotated, Literal

from pydantic import Field

from functions.edge.bodies import ReplyBody, RequestBody
from functions.edge.labels import Label
from shared.tiers import HlsEmbed, Overrides, Tier

AccountId = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
ProtocolName = Literal["whip", "whep", "rtmp", "srt", "hls"]
Limit = Annotated[int, Field(ge=0, le=2**53)]


class LimitOverrides(RequestBody):
    """Changes to one account's limits; null leaves the tier's value."""

    streams: Limit | None = None
    """Concurrent publish sessions."""
    bytes: Limit | None = None
    """Media bytes a month."""
    viewers: Limit | None = None
    """Concurrent viewers of one stream."""
    kbps: Limit | None = None
    """Bitrate of one publisher, in kbit/s."""
    protocols: Annotated[list[ProtocolName] | None, Field(min_length=1, max_length=5)] = None
    """What the account may publish and play by, at least one: an account that may do nothing has `streams` 0."""
    hls_embed: Annotated[HlsEmbed | None, Field(strict=False)] = None
    """Where an HLS player may be embedded."""

    def overrides(self) -> Overrides:
        """The same changes as a value that limits are made from."""
        protocols = frozenset[str](self.protocols) if self.protocols is not None else None
        return Overrides(self.streams, self.bytes, self.viewers, self.kbps, protocols, self.hls_embed)


class NewAccountRequest(RequestBody):
    """An account to be made."""

    account: AccountId
    """The id: it is in logs and messages, and never changes."""
    tier: Annotated[Tier, Field(strict=False)]
    """What the limits come from."""
    overrides: LimitOverrides = LimitOverrides()
    """How the limits differ from the tier's."""


class AccountChange(RequestBody):
    """What to change of an account; what is left out stays."""

    tier: Annotated[Tier | None, Field(strict=False)] = None
    """What the limits come from."""
    overrides: LimitOverrides | None = None
    """How the limits differ from the tier's; these replace all that there were."""
    suspended: bool | None = None
    """true: its keys are invalid and its token opens nothing until this is false again, and what runs ends."""


class NewKeyRequest(RequestBody):
    """A stream key to be made."""

    label: Label = ""
    """What the owner calls the key."""


class SlotView(ReplyBody):
    """One slot of an account's roster: a publisher who was admitted."""

    stream: str
    """The stream that is published."""
    session: str
    """The id of the session."""
    node: str | None
    """The node, while it lives the life that the slot was given for."""
    granted_at: float
    """When the publisher was admitted, in seconds since the epoch."""
    used: bool
    """Whether the session began."""


class AccountView(ReplyBody):
    """One account with its limits, its month and its slots."""

    account: str
    """The id."""
    tier: str
    """What the limits come from."""
    overrides: dict[str, int | str | list[str]]
    """How the limits differ from the tier's; a limit that does not is left out."""
    streams: int
    """Concurrent publish sessions."""
    bytes: int
    """Media bytes a UTC month, both directions."""
    viewers: int
    """Concurrent viewers of one stream."""
    kbps: int
    """Bitrate of one publisher, in kbit/s."""
    protocols: list[str]
    """What the account may publish and play by."""
    month: str
    """The present UTC month, for example `2026-11`."""
    used_bytes: int
    """Media bytes of that month so far."""
    blocked: bool
    """Whether the month's quota is used up."""
    suspended: bool
    """Whether the account is closed: no key is valid, and the token opens nothing."""
    slots: list[SlotView]
    """Who is admitted to publish, by stream."""


class AccountCreated(AccountView):
    """A new account; the token is shown this once."""

    token: str
    """The secret that opens the owner's API."""


class AccountList(ReplyBody):
    """Accounts with an owner, a page of them."""

    accounts: list[AccountView]
    """In order of their ids."""
    next: str | None
    """For `?after=` of the next page; null where this is the last one."""


class KeyView(ReplyBody):
    """A stream key without its secret."""

    stream: str
    """The stream that the key publishes."""
    label: str
    """What the owner calls the key."""
    created: float
    """Seconds since the epoch."""
    revoked_at: float | None
    """When it was or will be revoked; null where nothing is planned."""
    expires_at: float | None
    """When it lapses by itself, as keys without an owner do; null for never."""


class OperatorKeyCreated(ReplyBody):
    """A new key; the secret is shown this once."""

    stream_key: str
    """The secret: whoever has it can publish."""
    stream: str
    """The stream that the key publishes."""


class KeyList(ReplyBody):
    """Keys of one account, revoked ones too."""

    keys: list[KeyView]
    """In order of their streams."""


class NodeView(ReplyBody):
    """One node, as its last heartbeats describe it."""

    node: str
    """The id."""
    boot: str
    """The id of this life of the node: another one after each start."""
    url: str
    """Where clients reach it."""
    region: str
    """What placement prefers it for."""
    state: str
    """`serving`, `draining` or `stopped`, as the node says."""
    drained: bool
    """Whether an operator keeps new sessions away."""
    leased: bool
    """Whether its last heartbeat still counts."""
    age_seconds: float
    """Since its summary was brought up to date."""
    publishers: int
    """Publish sessions."""
    viewers: int
    """Viewers of all its streams."""
    max_sessions: int
    """Sessions of both kinds that it takes at most."""
    egress_kbps: int
    """What it sends now, in kbit/s."""
    max_egress_kbps: int
    """What it may send, in kbit/s."""


class NodeList(ReplyBody):
    """All nodes that were heard of lately."""

    nodes: list[NodeView]
    """In order of their ids."""


class SessionView(ReplyBody):
    """One publish session, as its node reports it."""

    session: str
    """The id of the session."""
    stream: str
    """The stream that it publishes."""
    account: str
    """The account that it counts for."""
    node: str
    """The node that holds it."""
    epoch: int
    """A number that grows with each publisher of the account, so that the younger of two is known."""
    viewers: int
    """How many watch."""
    since: float
    """When it began, in seconds since the epoch."""
    silent_ms: int
    """Milliseconds since the publisher's last packet."""
    kbps: int
    """What the publisher sends now, in kbit/s."""


class SessionList(ReplyBody):
    """The publish sessions of all nodes."""

    sessions: list[SessionView]
    """Node by node, by stream."""


class RefusalView(ReplyBody):
    """One refused attempt to publish with a key of the account."""

    at: float
    """Seconds since the epoch."""
    stream: str
    """The stream of the key."""
    code: str
    """The code that the client was given."""
    protocol: str
    """What the client wanted to publish by."""
    address: str
    """The client's network: a /24, or an IPv6 /48."""


class RefusalList(ReplyBody):
    """The last refusals of each key of an account within a day, newest first."""

    refusals: list[RefusalView]
    """Of all keys together."""


class Done(ReplyBody):
    """The operation was done, or will be by the next heartbeat."""

    done: str
    """What was done, in a word."""


class ShardView(ReplyBody):
    """What one life of one node counted."""

    node: str
    """The node that counted."""
    boot: str
    """Which of its lives."""
    received: int
    """Bytes from publishers."""
    sent: int
    """Bytes to viewers."""


class UsageView(ReplyBody):
    """One month's bytes of an account."""

    account: str
    """The id."""
    month: str
    """The UTC month, for example `2026-11`."""
    used_bytes: int
    """Both directions, all shards together."""
    quota_bytes: int
    """What the account may use in a month now."""
    shards: list[ShardView]
    """What each life of a node counted."""
