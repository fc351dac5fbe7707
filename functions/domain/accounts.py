"""What the control plane knows of an account, its stream keys and its streams. Values only: nothing here reads or writes.

The account holds the roster, the map from its streams to their publishing slots. One conditional write on the account's
item decides a publish (docs/design.md, rule 1).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from functions.domain.quota import ToldMark
from shared.grants import GRACE_SECONDS, GRANT_SECONDS
from shared.months import month_of
from shared.refusals import Refused, bandwidth_exceeded, quota_exceeded
from shared.tiers import NO_OVERRIDES, Limits, Overrides, Tier, effective


@dataclass(frozen=True, slots=True)
class Slot:
    """One publish session's entry in the roster of its account, from its grant to its end."""

    session: str
    boot: str
    """The random id of the process life that the grant is for; it implies the node."""
    expires_at: int
    """When the unused grant lapses."""
    used_at: float | None = None
    """When a heartbeat first reported the session; None while the grant may still be used."""
    forced: int = 0
    """How many forced takeovers in a row led here; 0 for an ordinary admission."""
    key_tag: bytes = b""
    """Tag of the secret that it was taken with (`Key.tag`); empty for slots from before tags were kept."""
    awaited_until: float | None = None
    """Until when a request waits for this slot to become free, if one does. Each request has a number of its own, and so
    knows its own mark."""

    @property
    def granted_at(self) -> int:
        """When the slot was taken, in whole seconds since the epoch."""
        return self.expires_at - GRANT_SECONDS

    def grant_usable(self, now: float) -> bool:
        """Whether the unused grant may still become a session, with the time that clocks may differ by included."""
        return self.used_at is None and now < self.expires_at + GRACE_SECONDS


@dataclass(frozen=True, slots=True)
class Usage:
    """The bytes that an account used in one month, and the quota then: what a block is explained with."""

    month: str
    used: int
    quota: int

    def refusal(self, tier: Tier) -> Refused:
        """The refusal that an account of *tier* gets once it has used its quota."""
        return quota_exceeded() if tier is Tier.ANONYMOUS else bandwidth_exceeded(self.used, self.quota)


@dataclass(frozen=True, slots=True)
class Token:
    """An account token as its account lists it: by the part of its digest that tells the tokens of one account apart."""

    tag: str
    """The first 8 bytes of its digest, in hex."""
    until: float | None = None
    """Only of a token that was replaced: it opens the account until then."""

    @classmethod
    def of(cls, digest: str, until: float | None = None) -> Self:
        """The token that has this digest."""
        return cls(digest[:16], until)

    def valid(self, now: float) -> bool:
        """Whether it opens the account at *now*."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class Account:
    """One account: what it may use, what its streams do now, and who may open it."""

    id: str
    tier: Tier
    overrides: Overrides = NO_OVERRIDES
    slots: Mapping[str, Slot] = field(default_factory=dict)
    """The roster: stream id -> slot."""
    epoch: int = 0
    """Counts the account's admissions. Every session gets its epoch from here, so the epochs of a stream only rise, and a
    higher one fences a lower one."""
    blocked: Usage | None = None
    """Set once a month's quota was used up; it holds for that month only."""
    created: float = 0
    told: ToldMark | None = None
    """The highest mark of its quota that its owner was told of."""
    version: int = 0
    """Counts the changes of limits and block, which its streams carry: an older copy never replaces a newer one."""
    suspended: bool = False
    """The operator closed it, for now or for good. Its keys are treated as unknown."""
    tokens: tuple[Token, ...] = ()
    """The tokens that open it, the present one first. Empty for an account from before tokens could be replaced: every
    token that names such an account opens it."""

    @property
    def limits(self) -> Limits:
        """What the account may use: its tier's limits with its overrides."""
        return effective(self.tier, self.overrides)

    def opened_by(self, digest: str, now: float) -> bool:
        """Whether the account token with this digest, which names the account, opens it at *now*."""
        return not self.tokens or any(digest.startswith(token.tag) and token.valid(now) for token in self.tokens)

    def over_quota(self, now: float) -> Refused | None:
        """Why the account may not publish or be watched this month, or None."""
        if self.blocked is None or self.blocked.month != month_of(now):
            return None
        return self.blocked.refusal(self.tier)


@dataclass(frozen=True, slots=True)
class Retiring:
    """A stream key's secret that a rotation replaced, and until when it still publishes."""

    digest: str
    until: float

    @property
    def tag(self) -> bytes:
        """The secret as a slot names it (`Key.tag`)."""
        return _tag(self.digest)


AUDIENCE_SECONDS = 60
"""For how long a note of waiting viewers counts: as long as a node lets them wait."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Where viewers of a stream wait for its publisher, so that the publisher is placed there."""

    boot: str
    """The process life of the node that they are connected to."""
    at: float
    """When that node last said so."""


@dataclass(frozen=True, slots=True)
class Key:
    """A stream key as storage knows it: by its digest."""

    digest: str
    account: str
    stream: str
    label: str = ""
    created: float = 0
    revoked_at: float | None = None
    """From then on the key is treated as unknown."""
    expires_at: float | None = None
    """When an anonymous key lapses; None for all others."""
    protocols: frozenset[str] | None = None
    """The protocols that it may publish by; None: all that its account may use."""
    hint: str = ""
    """The first two characters of the secret, by which its owner recognises it."""
    retiring: tuple[Retiring, ...] = ()
    """Only in the account's entry of the key: its earlier secrets that still publish."""
    audience: Audience | None = None
    """Only in the key's own item: where viewers of its stream wait, or last waited."""

    def valid(self, now: float) -> bool:
        """Whether the key publishes at *now*."""
        return all(limit is None or now < limit for limit in (self.revoked_at, self.expires_at))

    def awaited_at(self, now: float) -> str | None:
        """The boot of the node where viewers wait for this key's publisher at *now*."""
        waits = self.audience is not None and now - self.audience.at < AUDIENCE_SECONDS
        return self.audience.boot if self.audience is not None and waits else None

    @property
    def tag(self) -> bytes:
        """The first four bytes of the digest, by which a slot names its secret: enough to tell the secrets of one stream apart."""
        return _tag(self.digest)

    def ends_at(self, tag: bytes) -> float | None:
        """When a session ends that was begun with the secret of this tag; None while no end is planned.

        Asked of the account's entry of the key, which lists the earlier secrets.
        """
        limits = [self.revoked_at]
        if tag and tag != self.tag:
            limits.append(next((old.until for old in self.retiring if old.tag == tag), 0.0))
        return min((limit for limit in limits if limit is not None), default=None)


def _tag(digest: str) -> bytes:
    return bytes.fromhex(digest[:8])


@dataclass(frozen=True, slots=True)
class RefusedPublish:
    """One refused publish of a known key, as the key's owner is shown it."""

    stream: str
    at: float
    code: str
    protocol: str
    address: str
    """The client's network (`functions.domain.addresses.shortened`), never its whole address."""
    problem: str = ""
    """What was wrong with the media that it sent, a code of `shared.problems`; empty where admission refused it."""
    session: str = ""
    """The session that had this problem: a problem is kept once a session."""


@dataclass(frozen=True, slots=True)
class Live:
    """The running publish session of a stream, as its node last reported a change of it."""

    session: str
    node: str
    boot: str
    epoch: int
    viewers: int
    since: float
    problems: tuple[str, ...] = ()
    """Codes of `shared.problems`."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What viewers watch. It carries a copy of the limits of its account, so that admission of a viewer reads no account."""

    id: str
    account: str
    tier: Tier
    max_viewers: int
    max_kbps: int
    protocols: frozenset[str]
    blocked: Usage | None = None
    live: Live | None = None
    problems: tuple[str, ...] = ()
    """Why its last session was ended, where the media that it sent was the reason; codes of `shared.problems`."""

    def over_quota(self, now: float) -> Refused | None:
        """Why the stream may not be watched this month, or None."""
        if self.blocked is None or self.blocked.month != month_of(now):
            return None
        return self.blocked.refusal(self.tier)
