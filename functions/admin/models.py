"""Requests and replies of the operator's API."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from functions.edge.labels import Label
from shared.tiers import HlsEmbed, Overrides, Tier

AccountId = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
Protocol = Literal["whip", "whep", "rtmp", "srt", "hls"]
Limit = Annotated[int, Field(ge=0, le=2**53)]


class Asked(BaseModel):
    """A request: strict, and a field that we do not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class Told(BaseModel):
    """A reply."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class LimitOverrides(Asked):
    """Changes to one account's limits; null leaves the tier's value."""

    streams: Limit | None = None
    bytes: Limit | None = None
    """Media bytes a month."""
    viewers: Limit | None = None
    kbps: Limit | None = None
    protocols: Annotated[list[Protocol] | None, Field(min_length=1, max_length=5)] = None
    """Not none of them: an account that may do nothing has `streams` 0."""
    hls_embed: Annotated[HlsEmbed | None, Field(strict=False)] = None

    def overrides(self) -> Overrides:
        """As the control plane's value."""
        protocols = frozenset[str](self.protocols) if self.protocols is not None else None
        return Overrides(self.streams, self.bytes, self.viewers, self.kbps, protocols, self.hls_embed)


class NewAccountRequest(Asked):
    """An account to be made."""

    account: AccountId
    tier: Annotated[Tier, Field(strict=False)]
    overrides: LimitOverrides = LimitOverrides()


class AccountChange(Asked):
    """What to change of an account; what is left out stays."""

    tier: Annotated[Tier | None, Field(strict=False)] = None
    overrides: LimitOverrides | None = None
    suspended: bool | None = None
    """true: its keys are invalid and its token opens nothing until this is false again, and what runs ends."""


class NewKeyRequest(Asked):
    """A stream key to be made."""

    label: Label = ""


class SlotView(Told):
    """One slot of the roster."""

    stream: str
    session: str
    node: str | None
    """The node, while it lives the life that the slot was given for."""
    granted_at: float
    used: bool
    """Whether the session began."""


class AccountView(Told):
    """One account."""

    account: str
    tier: str
    overrides: dict[str, int | str | list[str]]
    streams: int
    bytes: int
    viewers: int
    kbps: int
    protocols: list[str]
    month: str
    used_bytes: int
    blocked: bool
    suspended: bool
    slots: list[SlotView]


class AccountCreated(AccountView):
    """A new account; the token is shown this once."""

    token: str


class AccountList(Told):
    """Accounts with an owner, a page of them."""

    accounts: list[AccountView]
    next: str | None
    """For `?after=` of the next page; null where this is the last one."""


class KeyView(Told):
    """A stream key without its secret."""

    stream: str
    label: str
    created: float
    revoked_at: float | None
    expires_at: float | None


class OperatorKeyCreated(Told):
    """A new key; the secret is shown this once."""

    stream_key: str
    stream: str


class KeyList(Told):
    """Keys of one account."""

    keys: list[KeyView]


class NodeView(Told):
    """One node."""

    node: str
    boot: str
    url: str
    region: str
    state: str
    drained: bool
    leased: bool
    """Whether its last heartbeat still counts."""
    age_seconds: float
    publishers: int
    viewers: int
    max_sessions: int
    egress_kbps: int
    max_egress_kbps: int


class NodeList(Told):
    """All nodes that were heard of lately."""

    nodes: list[NodeView]


class SessionView(Told):
    """One running publish session."""

    session: str
    stream: str
    account: str
    node: str
    epoch: int
    viewers: int
    since: float
    silent_ms: int
    kbps: int


class SessionList(Told):
    """Running publish sessions."""

    sessions: list[SessionView]


class RefusalView(Told):
    """One refused attempt to publish with a key of the account."""

    at: float
    """Seconds since the epoch."""
    stream: str
    """The stream of the key."""
    code: str
    """The code that the client was given."""
    protocol: str
    address: str
    """The client's network: a /24, or an IPv6 /48."""


class RefusalList(Told):
    """The last refusals of each key of an account within a day, newest first."""

    refusals: list[RefusalView]


class Done(Told):
    """It was done, or will be by the next heartbeat."""

    done: str


class ShardView(Told):
    """What one life of one node counted."""

    node: str
    boot: str
    received: int
    sent: int


class UsageView(Told):
    """One month's bytes of an account."""

    account: str
    month: str
    used_bytes: int
    quota_bytes: int
    shards: list[ShardView]
